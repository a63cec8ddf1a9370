"""Starts moto's server with our additions. The command line is that of `moto_server`."""

from moto.server import main

from moto_eks import resources, stacks, zones  # noqa: F401  (to define a model is to have CloudFormation find it)

stacks.install()
zones.install()
main()
