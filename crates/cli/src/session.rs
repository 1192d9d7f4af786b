//! Which controller and model a command is for, and the client of it.

use std::io::{IsTerminal as _, stderr, stdin, stdout};

use lazuli_api::Client;
use lazuli_api::client::{ModelClient, Options, TrustAnchor};
use time::UtcOffset;
use url::Url;

use crate::error::{Error, Result};
use crate::files::{Accounts, Controller, Controllers, Files, Models};

/// What all commands share.
#[derive(Debug)]
pub(crate) struct Session {
    /// The client's files.
    pub(crate) files: Files,
    /// `-m`.
    pub(crate) model: Option<String>,
    /// `-c`.
    pub(crate) controller: Option<String>,
    /// Whether people are told nothing.
    pub(crate) quiet: bool,
    /// Whether to use colours, if that was said.
    pub(crate) color: Option<bool>,
    /// The local time zone.
    pub(crate) offset: UtcOffset,
}

/// A model's name as a user gives it: `[controller:][owner/]name` or an id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ModelRef {
    /// The controller, if named.
    pub(crate) controller: Option<String>,
    /// The model, if named.
    pub(crate) model: Option<String>,
}

/// A controller that the client knows.
#[derive(Debug)]
pub(crate) struct AtController {
    /// Its name.
    pub(crate) name: String,
    /// The user who is logged in.
    pub(crate) user: String,
    /// What speaks to it.
    pub(crate) client: Client,
}

/// A model of a controller that the client knows.
#[derive(Debug)]
pub(crate) struct AtModel {
    /// The controller.
    pub(crate) controller: AtController,
    /// The model as the server is to be asked for it.
    pub(crate) name: String,
    /// What speaks to it.
    pub(crate) client: ModelClient,
}

impl ModelRef {
    /// Reads a reference.
    pub(crate) fn parse(text: &str) -> Self {
        let named = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        match text.split_once(':') {
            Some((controller, model)) => Self {
                controller: named(controller),
                model: named(model),
            },
            None => Self {
                controller: None,
                model: named(text),
            },
        }
    }
}

impl Session {
    /// Tells people something.
    pub(crate) fn say(&self, text: impl AsRef<str>) {
        if !self.quiet {
            eprintln!("{}", text.as_ref());
        }
    }

    /// Tells people several things.
    pub(crate) fn say_all(&self, texts: &[String]) {
        texts.iter().for_each(|text| self.say(text));
    }

    /// Whether there is a person to ask.
    pub(crate) fn may_ask(&self) -> bool {
        stdin().is_terminal() && stderr().is_terminal()
    }

    /// Whether to use colours: as was said, or at a terminal unless the
    /// environment has `NO_COLOR`.
    pub(crate) fn colors(&self) -> bool {
        let asked_not = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        self.color.unwrap_or_else(|| self.shows() && !asked_not)
    }

    /// Whether the data goes to a person.
    pub(crate) fn shows(&self) -> bool {
        stdout().is_terminal()
    }

    /// The controller that the command is for.
    pub(crate) fn controller_name(&self) -> Result<String> {
        let of_model = self
            .model
            .as_deref()
            .and_then(|model| ModelRef::parse(model).controller);
        let named = self.controller.clone().or(of_model);
        let named = named.or_else(|| variable("LAZULI_CONTROLLER", "JUJU_CONTROLLER"));
        match named {
            Some(name) => Ok(name),
            None => self.files.read::<Controllers>()?.current.ok_or_else(|| {
                Error::with_hint(
                    "no controller is known",
                    "Log in to one: lazuli login https://HOST:17070 -u USER",
                )
            }),
        }
    }

    /// A client of the controller that the command is for.
    pub(crate) fn at_controller(&self) -> Result<AtController> {
        self.at_named_controller(self.controller_name()?)
    }

    /// A client of a controller.
    pub(crate) fn at_named_controller(&self, name: String) -> Result<AtController> {
        let controllers: Controllers = self.files.read()?;
        let Some(controller) = controllers.controllers.get(&name) else {
            let known: Vec<&str> = controllers.controllers.keys().map(String::as_str).collect();
            let hint = match known.as_slice() {
                [] => "Log in to one: lazuli login https://HOST:17070 -u USER".to_owned(),
                known => format!("Known controllers: {}", known.join(", ")),
            };
            return Err(Error::with_hint(
                format!("controller {name} not found"),
                hint,
            ));
        };
        let accounts: Accounts = self.files.read()?;
        let account = accounts.controllers.get(&name);
        let Some((account, token)) =
            account.and_then(|account| Some((account, account.token.clone()?)))
        else {
            return Err(Error::user(format!(
                "please log in: lazuli login {name} -u USER"
            )));
        };
        let mut options = options(&name, controller)?;
        options.token = Some(token);
        Ok(AtController {
            user: account.user.clone(),
            client: Client::new(&options)?,
            name,
        })
    }

    /// A client of the model that the command is for.
    pub(crate) fn at_model(&self) -> Result<AtModel> {
        let text = self
            .model
            .clone()
            .or_else(|| variable("LAZULI_MODEL", "JUJU_MODEL"))
            .unwrap_or_default();
        self.at_named_model(&ModelRef::parse(&text))
    }

    /// A client of a model, where what is not named is the current one.
    pub(crate) fn at_named_model(&self, model: &ModelRef) -> Result<AtModel> {
        let controller = match &model.controller {
            Some(controller) => controller.clone(),
            None => self.controller_name()?,
        };
        let controller = self.at_named_controller(controller)?;
        let name = match &model.model {
            Some(name) => name.clone(),
            None => self.current_model(&controller.name)?.ok_or_else(|| {
                Error::with_hint(
                    format!("no model of controller {} is selected", controller.name),
                    "Name one with -m, or select one with \"lazuli switch\" or \"lazuli \
                     add-model\".",
                )
            })?,
        };
        Ok(AtModel {
            client: controller.client.model(&name),
            controller,
            name,
        })
    }

    /// The current model of a controller, `owner/name`.
    pub(crate) fn current_model(&self, controller: &str) -> Result<Option<String>> {
        let models: Models = self.files.read()?;
        let known = models.controllers.get(controller);
        Ok(known.and_then(|known| known.current.clone()))
    }
}

fn variable(ours: &str, theirs: &str) -> Option<String> {
    let set = |name| std::env::var(name).ok().filter(|value| !value.is_empty());
    set(ours).or_else(|| set(theirs))
}

/// How to reach a controller.
pub(crate) fn options(name: &str, controller: &Controller) -> Result<Options> {
    let address = controller.api_endpoints.first().ok_or_else(|| {
        Error::with_hint(
            format!("controller {name} has no address"),
            format!("Log in again: lazuli login https://HOST:17070 -c {name}"),
        )
    })?;
    let mut options = Options::new(address_url(address)?);
    options.trust = match (&controller.fingerprint, &controller.ca_cert) {
        (Some(fingerprint), _) => TrustAnchor::Fingerprint(sha256(fingerprint)?),
        (None, Some(authority)) => TrustAnchor::Authority(authority.clone()),
        (None, None) => TrustAnchor::System,
    };
    Ok(options)
}

/// An address: a url, or a host with a port, which is spoken to over TLS.
pub(crate) fn address_url(text: &str) -> Result<Url> {
    let whole = match text.contains("://") {
        true => text.to_owned(),
        false => format!("https://{text}"),
    };
    Url::parse(&whole).map_err(|error| Error::user(format!("{text} is no address: {error}")))
}

/// A fingerprint: 64 hex digits, with or without colons.
pub(crate) fn sha256(text: &str) -> Result<[u8; 32]> {
    let wrong = || {
        Error::user(format!(
            "{text:?} is no fingerprint: it is a sha-256, 64 hex digits"
        ))
    };
    let digits: Vec<u32> = text
        .chars()
        .filter(|one| *one != ':')
        .map(|one| one.to_digit(16).ok_or_else(wrong))
        .collect::<Result<_>>()?;
    let (pairs, rest) = digits.as_chunks::<2>();
    let bytes: Vec<u8> = pairs
        .iter()
        .filter_map(|[high, low]| u8::try_from(high * 16 + low).ok())
        .collect();
    match <[u8; 32]>::try_from(bytes) {
        Ok(bytes) if rest.is_empty() => Ok(bytes),
        _ => Err(wrong()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn models_are_named_in_jujus_ways() {
        let parts = |text| {
            let model = ModelRef::parse(text);
            (model.controller, model.model)
        };
        let some = |text: &str| Some(text.to_owned());
        assert_eq!(parts("m"), (None, some("m")));
        assert_eq!(parts("user/m"), (None, some("user/m")));
        assert_eq!(parts("ctl:m"), (some("ctl"), some("m")));
        assert_eq!(parts("ctl:user/m"), (some("ctl"), some("user/m")));
        assert_eq!(parts("ctl:"), (some("ctl"), None));
        assert_eq!(parts(":m"), (None, some("m")));
        assert_eq!(parts(""), (None, None));
    }

    #[test]
    fn fingerprints_are_64_digits() {
        let digits = "0a".repeat(32);
        assert_eq!(sha256(&digits).unwrap(), [10; 32]);
        assert_eq!(sha256(&format!("0A:{}", &digits[2..])).unwrap(), [10; 32]);
        assert!(sha256(&digits[1..]).is_err());
        assert!(sha256("xyz").is_err());
    }

    #[test]
    fn addresses_are_https_unless_they_say_otherwise() {
        let url = |text| address_url(text).unwrap().to_string();
        assert_eq!(url("a.example:17070"), "https://a.example:17070/");
        assert_eq!(url("http://127.0.0.1:1"), "http://127.0.0.1:1/");
        assert!(address_url("not an address").is_err());
    }
}
