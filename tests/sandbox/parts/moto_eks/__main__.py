"""Starts moto's server with our additions. The command line is that of `moto_server`; `--fork-server` starts one for each that is
asked for (fork_server.py)."""

import sys

from moto.server import main

from moto_eks import fork_server, resources, stacks, zones  # noqa: F401  (to define a model is to have CloudFormation find it)

stacks.install()
zones.install()
if sys.argv[1:] == ["--fork-server"]:
    fork_server.run(main)
else:
    main()
