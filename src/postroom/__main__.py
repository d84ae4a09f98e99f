"""`python -m postroom`: the command line, where no script was installed."""

from postroom.cli.main import main

if __name__ == "__main__":
    main()
