"""What the fake engine does with the names of its images, and what they take."""

from tests.fakes.images import ImageStore
from tests.fakes.verbs import verb


class ImageNames:
    """Verbs of the fake engine."""

    store: ImageStore

    @verb
    def layers_size(self) -> int:
        layers = {layer for image in self.store.images.values() for layer in image.layers}
        return sum(map(len, layers))

    @verb
    def tag_image(self, reference: str, name: str) -> None:
        self.store.tag(reference, name, f"tag image {reference} as {name}")
