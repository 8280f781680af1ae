"""Sphinx configuration."""

extensions = [
    'openstackdocstheme',
    'oslo_config.sphinxext',
    'sphinx_feature_classification.support_matrix',
]

project = 'nova-docker'
copyright = 'The nova-docker authors'

html_theme = 'openstackdocs'
html_static_path = []
templates_path = []
exclude_patterns = []
pygments_style = 'native'

openstackdocs_repo_name = 'openstack/nova-docker'
openstackdocs_auto_name = False
openstackdocs_pdf_link = False
openstackdocs_use_storyboard = False
# What the theme would read from git, which a source archive lacks.
version = release = ''

man_pages = [
    ('cli/nova-docker-status', 'nova-docker-status',
     'look whether a host can run instances as containers', [copyright], 1),
]
