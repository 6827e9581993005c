"""`python -m voxd`: the same as the `voxd` command."""

from voxd.cli import main

raise SystemExit(main())
