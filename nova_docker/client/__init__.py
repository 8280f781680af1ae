"""Commands for python-openstackclient: container images into Glance, and out.

It runs on the machine of a user, where there is neither Nova nor the driver's
configuration: nothing here imports anything of the driver's.
"""
