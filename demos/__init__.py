r"""The demos, one file each. `python -m demos` lists them, `python -m demos NAME` runs one."""
