/**
 * What a function gets of this machine's environment: what programs need to be found and to run, to speak its language, and to trust and
 * reach what this machine does. Everything else, such as keys for a cloud, is for whoever works here and not for functions.
 */
const INHERITED =
  /^(?:PATH|HOME|USER|LOGNAME|SHELL|TMPDIR|TZ|LANG|LANGUAGE|LC_[A-Z]+|(?:https?|all|no)_proxy|(?:HTTPS?|ALL|NO)_PROXY|SSL_CERT_(?:FILE|DIR)|NODE_EXTRA_CA_CERTS|REQUESTS_CA_BUNDLE|CURL_CA_BUNDLE|PIP_CERT|DYLD_FALLBACK_LIBRARY_PATH|LD_LIBRARY_PATH|JAVA_HOME|GOROOT|GOPATH|RUSTUP_HOME|CARGO_HOME|GEM_HOME|GEM_PATH)$/;

/** @param environment of this process */
export function inheritedEnvironment(
  environment: Readonly<Record<string, string | undefined>>,
): Record<string, string> {
  const kept: Record<string, string> = {};
  for (const [key, value] of Object.entries(environment)) {
    if (value !== undefined && INHERITED.test(key)) kept[key] = value;
  }
  return kept;
}
