# Stands in for what DevStack offers to a plugin: each call is a line in $CALLS.
# shellcheck shell=bash disable=SC2034
set -e

record() { printf '%s\n' "$*" >>"$CALLS"; }

for name in _move_neutron_addresses_route add_user_to_group echo_summary enable_service iniset \
        install_package neutron_ovs_base_cleanup pip_install restart_service start_service \
        stop_process stop_service; do
    eval "$name() { record $name \"\$@\"; }"
done
trueorfalse() { [[ "${!2:-$1}" == True ]] && echo True || echo False; }
is_service_enabled() { [[ " $SERVICES " == *" $1 "* ]]; }

# Programs that would change the machine.
sudo() {
    record sudo "$@"
    case "$*" in
        'docker ps '*) echo "$CONTAINERS" ;;
        'docker images '*) echo "$IMAGES" ;;
        'docker build '*) cat >/dev/null ;;
        'ip netns list') echo "$NAMESPACES" ;;
        'timeout '*) [[ -z "$AGENT_STAYS" ]] ;;
    esac
}
getent() { [[ -n "$GROUP_EXISTS" ]]; }
openstack() {
    record openstack "$@"
    if [[ "$*" == *'image show'* ]]; then
        [[ -n "$IMAGES_EXIST" ]] && echo the-id
    elif [[ "$*" == *'image create'* && "$*" != *'--file /'* ]]; then
        echo 'Image create without --file is not allowed in server mode' >&2
        return 1
    fi
}

DEST=$WORK
NOVA_DIR=$WORK/nova
NOVA_CONF=/etc/nova/nova.conf
NOVA_CONF_DIR=/etc/nova
TEMPEST_CONFIG=/tempest.conf
STACK_USER=stack
HOST_IP=192.0.2.7
Q_AGENT=${Q_AGENT:-openvswitch}
OVN_CONTROLLER_SERVICE=ovn-controller.service
OVS_PHYSICAL_BRIDGE=br-ex
OVS_DATAPATH_TYPE=${OVS_DATAPATH_TYPE:-system}
Q_PLUGIN_CONF_FILE=etc/neutron/ml2.ini
