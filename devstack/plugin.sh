#!/bin/bash
# What DevStack calls in each of its phases.  https://docs.openstack.org/devstack/latest/plugins.html

# shellcheck source=devstack/lib/nova-docker
source "$NOVA_DOCKER_DIR/devstack/lib/nova-docker"

case "$1 $2" in
    'stack pre-install')
        echo_summary 'nova-docker: installing the Docker engine'
        nova_docker_install_engine
        ;;
    'stack install')
        echo_summary 'nova-docker: installing the driver'
        nova_docker_install_driver
        ;;
    'stack post-config')
        echo_summary 'nova-docker: configuring Nova and Neutron'
        nova_docker_configure
        ;;
    'stack extra')
        nova_docker_choose_datapath
        echo_summary 'nova-docker: putting images into Glance'
        nova_docker_create_images
        ;;
    'stack test-config')
        if is_service_enabled tempest; then
            echo_summary 'nova-docker: configuring Tempest'
            nova_docker_configure_tempest
        fi
        ;;
    'unstack '*)
        nova_docker_remove_instances
        nova_docker_stop_agent
        nova_docker_remove_ovn_bridges
        ;;
    'clean '*)
        nova_docker_clean
        ;;
esac
