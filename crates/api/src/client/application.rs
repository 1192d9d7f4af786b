//! Applications.

use lazuli_model::document::application::{ApplicationConfig, ShowApplication};
use reqwest::Method;

use super::http::with_query;
use super::{ClientError, ModelClient};
use crate::application::{
    ApplicationList, ConfigChange, ConstraintsDocument, Deploy, Expose, Refresh, SetBase,
    SetConstraints, Trust, Unexpose,
};
use crate::entity::{Changed, Removal};
use crate::unit::AddUnits;

impl ModelClient {
    /// `GET .../applications`.
    ///
    /// # Errors
    ///
    /// Fails when the server does.
    pub async fn applications(&self) -> Result<ApplicationList, ClientError> {
        self.get(&["applications"], &()).await
    }

    /// `POST .../applications`.
    ///
    /// # Errors
    ///
    /// Fails on what the charm or the model does not allow, in Juju's words.
    pub async fn deploy(&self, deploy: &Deploy) -> Result<Changed, ClientError> {
        self.write(Method::POST, &["applications"], deploy).await
    }

    /// `GET .../applications/{application}`.
    ///
    /// # Errors
    ///
    /// Fails when there is no such application.
    pub async fn application(&self, name: &str) -> Result<ShowApplication, ClientError> {
        self.get(&["applications", name], &()).await
    }

    /// `DELETE .../applications/{application}`.
    ///
    /// # Errors
    ///
    /// Fails when there is no such application.
    pub async fn remove_application(
        &self,
        name: &str,
        how: &Removal,
    ) -> Result<Changed, ClientError> {
        self.remove(&["applications", name], how).await
    }

    /// `GET .../applications/{application}/config`.
    ///
    /// # Errors
    ///
    /// Fails when there is no such application.
    pub async fn application_config(&self, name: &str) -> Result<ApplicationConfig, ClientError> {
        self.get(&["applications", name, "config"], &()).await
    }

    /// `PATCH .../applications/{application}/config`.
    ///
    /// # Errors
    ///
    /// Fails on options and values that are none, in Juju's words.
    pub async fn change_application_config(
        &self,
        name: &str,
        change: &ConfigChange,
    ) -> Result<Changed, ClientError> {
        self.write(Method::PATCH, &["applications", name, "config"], change)
            .await
    }

    /// `GET .../applications/{application}/constraints`.
    ///
    /// # Errors
    ///
    /// Fails when there is no such application.
    pub async fn application_constraints(
        &self,
        name: &str,
    ) -> Result<ConstraintsDocument, ClientError> {
        self.get(&["applications", name, "constraints"], &()).await
    }

    /// `PUT .../applications/{application}/constraints`.
    ///
    /// # Errors
    ///
    /// Fails on constraints that are none.
    pub async fn set_application_constraints(
        &self,
        name: &str,
        constraints: &str,
    ) -> Result<Changed, ClientError> {
        let body = SetConstraints {
            constraints: constraints.to_owned(),
        };
        self.write(Method::PUT, &["applications", name, "constraints"], &body)
            .await
    }

    /// `POST .../applications/{application}/units`.
    ///
    /// # Errors
    ///
    /// Fails on placements that are none.
    pub async fn add_units(&self, name: &str, units: &AddUnits) -> Result<Changed, ClientError> {
        self.write(Method::POST, &["applications", name, "units"], units)
            .await
    }

    /// `PUT .../applications/{application}/expose`.
    ///
    /// # Errors
    ///
    /// Fails on endpoints and CIDRs that are none.
    pub async fn expose(&self, name: &str, expose: &Expose) -> Result<Changed, ClientError> {
        self.write(Method::PUT, &["applications", name, "expose"], expose)
            .await
    }

    /// `DELETE .../applications/{application}/expose`: of these endpoints, or
    /// of all when there are none.
    ///
    /// # Errors
    ///
    /// Fails on endpoints that are not exposed.
    pub async fn unexpose(&self, name: &str, endpoints: &[String]) -> Result<Changed, ClientError> {
        let query = Unexpose {
            endpoints: (!endpoints.is_empty()).then(|| endpoints.join(",")),
            dry_run: self.is_dry_run(),
        };
        let url = with_query(self.url(&["applications", name, "expose"]), &query)?;
        let request = self.conditions(self.client.request(Method::DELETE, url));
        self.client.send(request).await
    }

    /// `PUT .../applications/{application}/trust`.
    ///
    /// # Errors
    ///
    /// Fails when there is no such application.
    pub async fn trust(&self, name: &str, trust: bool) -> Result<Changed, ClientError> {
        self.write(
            Method::PUT,
            &["applications", name, "trust"],
            &Trust { trust },
        )
        .await
    }

    /// `PUT .../applications/{application}/charm`.
    ///
    /// # Errors
    ///
    /// Fails when the charm does not fit what the application has.
    pub async fn refresh(&self, name: &str, refresh: &Refresh) -> Result<Changed, ClientError> {
        self.write(Method::PUT, &["applications", name, "charm"], refresh)
            .await
    }

    /// `PUT .../applications/{application}/base`.
    ///
    /// # Errors
    ///
    /// Fails on bases that machines cannot run.
    pub async fn set_base(&self, name: &str, base: &str) -> Result<Changed, ClientError> {
        let body = SetBase {
            base: base.to_owned(),
        };
        self.write(Method::PUT, &["applications", name, "base"], &body)
            .await
    }
}
