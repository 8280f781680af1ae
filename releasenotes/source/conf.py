"""Sphinx configuration of the release notes."""

extensions = ['openstackdocstheme', 'reno.sphinxext']
project = 'nova-docker release notes'
copyright = 'The nova-docker authors'
html_theme = 'openstackdocs'
openstackdocs_repo_name = 'openstack/nova-docker'
openstackdocs_auto_name = False
openstackdocs_pdf_link = False
openstackdocs_use_storyboard = False
version = release = ''
