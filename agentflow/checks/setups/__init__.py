"""From lock files and manifests to the command that prepares a fresh checkout: one file per family of languages."""
