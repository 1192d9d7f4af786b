//! `expose`.

use std::collections::BTreeMap;

use lazuli_api::{Expose, ExposeTo};

use crate::arguments;
use crate::error::Result;
use crate::session::Session;

/// Let an application be reached from outside
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The application
    application: String,
    /// Only ports opened for these endpoints, with commas between
    #[arg(long)]
    endpoints: Vec<String>,
    /// Only from these networks, with commas between
    #[arg(long, value_name = "CIDRS")]
    to_cidrs: Vec<String>,
    /// Only from these spaces, with commas between
    #[arg(long, value_name = "SPACES")]
    to_spaces: Vec<String>,
}

impl Args {
    pub(crate) async fn run(self, session: &Session) -> Result<()> {
        let at = session.at_model()?;
        at.client.expose(&self.application, &self.request()).await?;
        Ok(())
    }

    fn request(&self) -> Expose {
        let to = ExposeTo {
            cidrs: arguments::list(&self.to_cidrs),
            spaces: arguments::list(&self.to_spaces),
        };
        let endpoints = arguments::list(&self.endpoints);
        let endpoints: BTreeMap<String, ExposeTo> = match endpoints.is_empty() {
            true if to == ExposeTo::default() => BTreeMap::new(),
            true => BTreeMap::from([(String::new(), to)]),
            false => endpoints.into_iter().map(|one| (one, to.clone())).collect(),
        };
        Expose { endpoints }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_endpoint_means_all() {
        let args = |endpoints: &[&str], cidrs: &[&str]| {
            let texts = |items: &[&str]| items.iter().map(|one| (*one).to_owned()).collect();
            let args = Args {
                application: "a".to_owned(),
                endpoints: texts(endpoints),
                to_cidrs: texts(cidrs),
                to_spaces: Vec::new(),
            };
            serde_json::to_string(&args.request()).unwrap()
        };
        assert_eq!(args(&[], &[]), r#"{"endpoints":{}}"#);
        assert_eq!(
            args(&[], &["10.0.0.0/8"]),
            r#"{"endpoints":{"":{"cidrs":["10.0.0.0/8"],"spaces":[]}}}"#
        );
        assert_eq!(
            args(&["a,b"], &[]),
            r#"{"endpoints":{"a":{"cidrs":[],"spaces":[]},"b":{"cidrs":[],"spaces":[]}}}"#
        );
    }
}
