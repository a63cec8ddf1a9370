"""Starts moto's server with our additions. The command line is that of `moto_server`; `--nursery` starts one for each that is
asked for (nursery.py)."""

import sys

from moto.server import main

from moto_eks import nursery, resources, stacks, zones  # noqa: F401  (to define a model is to have CloudFormation find it)

stacks.install()
zones.install()
if sys.argv[1:] == ["--nursery"]:
    nursery.run(main)
else:
    main()
