{
  description = "ao: a supervisor for a fleet of AI coding agents in tmux";

  inputs.nixpkgs.url = "github:NixOS/nixpkgs/nixos-unstable";

  outputs =
    { self, nixpkgs }:
    let
      systems = [
        "x86_64-linux"
        "aarch64-linux"
        "x86_64-darwin"
        "aarch64-darwin"
      ];
      eachSystem = make: nixpkgs.lib.genAttrs systems (system: make nixpkgs.legacyPackages.${system});
      version = builtins.head (
        builtins.match ".*__version__ = \"([^\"]+)\".*" (builtins.readFile ./orchestrator/__init__.py)
      );
      needed =
        ps: with ps; [
          gitpython
          libtmux
          msgspec
          psutil
          pyte
          rich
          tomli-w
          typer
          tzdata
          watchfiles
        ];
      forChecks =
        ps: with ps; [
          hypothesis
          import-linter
          mypy
          pytest
          pytest-timeout
          types-psutil
        ];
    in
    {
      packages = eachSystem (pkgs: {
        default = pkgs.python3Packages.buildPythonApplication {
          pname = "ao-supervisor";
          inherit version;
          pyproject = true;
          src = self;
          build-system = [ pkgs.python3Packages.setuptools ];
          dependencies = needed pkgs.python3Packages;
          # ao runs tmux and git; the user's own come first.
          makeWrapperArgs = [
            "--suffix"
            "PATH"
            ":"
            (pkgs.lib.makeBinPath [
              pkgs.git
              pkgs.tmux
            ])
          ];
          pythonImportsCheck = [ "orchestrator" ];
          meta = {
            description = "A supervisor for a fleet of AI coding agents in tmux";
            license = pkgs.lib.licenses.asl20;
            mainProgram = "ao";
          };
        };
      });

      devShells = eachSystem (pkgs: {
        default = pkgs.mkShell {
          packages = [
            (pkgs.python3.withPackages (ps: needed ps ++ forChecks ps))
            pkgs.git
            pkgs.nodejs
            pkgs.ruff
            pkgs.tmux
          ];
          # The tools above take the place of .venv; bootstrap.sh and test.sh heed the first.
          shellHook = ''
            export AO_NO_VENV=1
            export PYTHONPATH="$PWD''${PYTHONPATH:+:$PYTHONPATH}"
          '';
        };
      });
    };
}
