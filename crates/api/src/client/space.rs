//! Spaces and bindings.

use reqwest::Method;

use super::{ClientError, ModelClient};
use crate::entity::{Changed, Removal};
use crate::space::{AddSpace, Bind, ChangeSpace, SpaceList};

impl ModelClient {
    /// `GET .../spaces`.
    ///
    /// # Errors
    ///
    /// Fails when the server does.
    pub async fn spaces(&self) -> Result<SpaceList, ClientError> {
        self.get(&["spaces"], &()).await
    }

    /// `POST .../spaces`.
    ///
    /// # Errors
    ///
    /// Fails on a name that is taken, and on ranges that cannot be subnets.
    pub async fn add_space(&self, space: &AddSpace) -> Result<Changed, ClientError> {
        self.write(Method::POST, &["spaces"], space).await
    }

    /// `PATCH .../spaces/{space}`.
    ///
    /// # Errors
    ///
    /// As [`Self::add_space`]; and for subnets that machines are in.
    pub async fn change_space(
        &self,
        name: &str,
        change: &ChangeSpace,
    ) -> Result<Changed, ClientError> {
        self.write(Method::PATCH, &["spaces", name], change).await
    }

    /// `DELETE .../spaces/{space}`.
    ///
    /// # Errors
    ///
    /// Fails when it is in use, unless that is forced.
    pub async fn remove_space(&self, name: &str, force: bool) -> Result<Changed, ClientError> {
        let removal = Removal {
            force,
            ..Removal::default()
        };
        self.remove(&["spaces", name], &removal).await
    }

    /// `POST .../applications/{application}/bindings`.
    ///
    /// # Errors
    ///
    /// Fails on unknown endpoints and spaces, and where machines are not in a
    /// space.
    pub async fn bind(&self, application: &str, bind: &Bind) -> Result<Changed, ClientError> {
        let path = ["applications", application, "bindings"];
        self.write(Method::POST, &path, bind).await
    }
}
