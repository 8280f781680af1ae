"""Names and labels lead back to the instance they were made for."""

from hypothesis import given
from hypothesis import strategies as st
import pytest

from nova_docker.translate import naming

uuids = st.uuids().map(str)


@given(uuids, uuids, st.text(min_size=1, max_size=255))
def test_the_alias_of_a_link_leads_back_to_instance_and_port(instance, port, host):
    alias = naming.link_alias(instance, port, host)
    assert naming.parse_link_alias(alias, host) == (instance, port)
    assert len(alias) <= 255


@given(uuids, uuids, uuids)
def test_the_prefix_of_an_instance_finds_its_links_and_no_others(instance, other, port):
    prefix = naming.link_prefix(instance)
    assert naming.link_alias(instance, port, "h1").startswith(prefix)
    assert naming.link_alias(other, port, "h1").startswith(prefix) == (instance == other)


@pytest.mark.parametrize("alias", [
    "", "eth0", "nova-docker:", "nova-docker:x", "nova-docker::y:h1", "nova-docker:x:y",
    "nova-docker:x:y:h2"])
def test_the_alias_of_a_foreign_link_means_nothing(alias):
    assert naming.parse_link_alias(alias, "h1") is None


@given(uuids)
def test_the_two_containers_of_an_instance_have_different_names(instance):
    assert naming.workload_name(instance) != naming.sandbox_name(instance)


@given(uuids, st.sampled_from([naming.ROLE_SANDBOX, naming.ROLE_WORKLOAD]))
def test_labels_lead_back_to_the_instance_and_match_its_filters(instance, role):
    labels = naming.labels(role, instance_uuid=instance, instance_name="instance-1", host="h1")
    assert naming.instance_of(labels) == instance
    for wanted in (naming.host_filter("h1"), naming.instance_filter("h1", instance)):
        assert wanted.items() <= labels.items()
    assert not naming.host_filter("h2").items() <= labels.items()


def test_a_container_without_our_labels_is_nobodys():
    assert naming.instance_of({"com.example": "x"}) == ""


@given(uuids, st.none() | st.text("0123456789abcdef", min_size=1, max_size=128))
def test_a_private_tag_is_one_the_engine_accepts(image_id, checksum):
    repository, _, tag = naming.private_tag(image_id, checksum).rpartition(":")
    assert repository.split("/")[0].endswith(".invalid")
    assert 0 < len(tag) <= 128
    assert tag.startswith(image_id)


def test_an_image_made_anew_under_the_same_id_has_another_tag():
    assert naming.private_tag("i", "aa") != naming.private_tag("i", "bb")
