"""The all-in-one cloud: OpenStack with nova-docker on one machine.

``tools/quickstart`` runs :mod:`aio.__main__`.  The modules by the order in which
they are used:

=================  ==============================================================
``packages``       what Debian provides, without its services being started
``mechanism``      Neutron's Open vSwitch agent or OVN, and what differs between them
``venv``           what PyPI provides, and the driver from this repository
``configuration``  the files in templates/ filled in
``accounts``       system users and the sudo rule
``supervisor``     supervisord and the processes it keeps
``infrastructure`` MariaDB, RabbitMQ, Open vSwitch, dockerd, the registry
``ovn``            OVN's databases, and what its controller has to know
``initialise``     databases, the identity service's first content, cells
``readiness``      waits until the cloud can be used
``images``         the registry's content
``resources``      flavors, networks, rules, images: what a user expects to find
``demo``           two containers, started by ``nova boot``
``health``         --status
``down``           --down and --clean
=================  ==============================================================

Until the virtual environment exists only the standard library can be imported,
so ``openstack`` and ``docker`` are imported by the modules that come after
``venv``, and :mod:`aio.__main__` continues in the environment's own Python.
"""
