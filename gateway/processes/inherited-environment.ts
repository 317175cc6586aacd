/**
 * What a function gets of this machine's environment: what programs need to be found and to run, to speak its language, and to trust and
 * reach what this machine does. Everything else, such as keys for a cloud, is for whoever works here and not for functions.
 */
const INHERITED: readonly RegExp[] = [
  /^(?:PATH|HOME|USER|LOGNAME|SHELL|TMPDIR|TZ|LANG|LANGUAGE|LC_[A-Z]+|XDG_[A-Z]+_(?:HOME|DIR|DIRS))$/,
  /^(?:https?|all|no)_proxy$/i,
  /^(?:SSL_CERT_(?:FILE|DIR)|NODE_EXTRA_CA_CERTS|REQUESTS_CA_BUNDLE|CURL_CA_BUNDLE|PIP_CERT)$/,
  /^(?:LD_LIBRARY_PATH|DYLD_FALLBACK_LIBRARY_PATH)$/,
  // Where languages live, and the managers of their versions whose commands stand on the PATH.
  /^(?:JAVA_HOME|GOROOT|GOPATH|CARGO_HOME|GEM_HOME|GEM_PATH|BUN_INSTALL|VOLTA_HOME)$/,
  /^(?:RUSTUP_HOME|RUSTUP_TOOLCHAIN|PYENV_ROOT|RBENV_ROOT|NVM_DIR|SDKMAN_DIR|ASDF_DIR|ASDF_DATA_DIR|MISE_DATA_DIR)$/,
  // Which version a shell has chosen (`pyenv shell 3.11`): packages were installed with that one.
  /^(?:PYENV|RBENV|NODENV|GOENV|PHPENV|JENV|(?:ASDF|MISE)_[A-Z]+)_VERSION$/,
];

/** @param environment of this process */
export function inheritedEnvironment(
  environment: Readonly<Record<string, string | undefined>>,
): Record<string, string> {
  const kept: Record<string, string> = {};
  for (const [key, value] of Object.entries(environment)) {
    if (value !== undefined && INHERITED.some((name) => name.test(key))) kept[key] = value;
  }
  return kept;
}
