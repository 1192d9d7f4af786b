//! The proxies of a model, as hooks have them in their environment.

use std::collections::BTreeMap;

/// Juju's default of `no-proxy` and `juju-no-proxy`.
const NO_PROXY: &str = "127.0.0.1,localhost,::1";

/// The variables that the settings of a model mean for its hooks (Juju,
/// `uniter/runner/context/context.go`): `http-proxy` and its like are set in
/// both spellings when they are not empty, `juju-http-proxy` and its like are
/// only handed on.
pub(crate) fn environment(config: &BTreeMap<String, String>) -> BTreeMap<String, String> {
    let setting = |key: &str| {
        let default = if key.ends_with("no-proxy") {
            NO_PROXY
        } else {
            ""
        };
        config.get(key).map_or(default, String::as_str)
    };
    let mut variables = BTreeMap::new();
    for kind in ["http", "https", "ftp", "no"] {
        let legacy = setting(&format!("{kind}-proxy"));
        if !legacy.is_empty() {
            let name = format!("{kind}_proxy");
            variables.insert(name.to_uppercase(), legacy.to_owned());
            variables.insert(name, legacy.to_owned());
        }
        variables.insert(
            format!("JUJU_CHARM_{}_PROXY", kind.to_uppercase()),
            setting(&format!("juju-{kind}-proxy")).to_owned(),
        );
    }
    variables
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn proxies_are_what_the_model_says() {
        let said = BTreeMap::from([
            ("http-proxy".to_owned(), "http://p:3128".to_owned()),
            ("juju-https-proxy".to_owned(), "http://q".to_owned()),
            ("no-proxy".to_owned(), String::new()),
        ]);
        let variables = environment(&said);
        for (name, value) in [
            ("http_proxy", Some("http://p:3128")),
            ("HTTP_PROXY", Some("http://p:3128")),
            ("https_proxy", None),
            ("no_proxy", None),
            ("JUJU_CHARM_HTTP_PROXY", Some("")),
            ("JUJU_CHARM_HTTPS_PROXY", Some("http://q")),
            ("JUJU_CHARM_FTP_PROXY", Some("")),
            ("JUJU_CHARM_NO_PROXY", Some(NO_PROXY)),
        ] {
            assert_eq!(variables.get(name).map(String::as_str), value, "{name}");
        }
        assert_eq!(environment(&BTreeMap::new())["NO_PROXY"], NO_PROXY);
    }
}
