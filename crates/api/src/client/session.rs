//! Logging in, users, versions.

use reqwest::Method;

use super::{Client, ClientError};
use crate::auth::{
    LoggedIn, Login, NewUser, PasswordChange, UserInfo, UserList, UserUpdate, VersionInfo, Whoami,
};
use crate::model::{ModelAdded, ModelList, NewModel};

impl Client {
    /// `POST /v1/login`.
    ///
    /// # Errors
    ///
    /// The same problem for a wrong user and a wrong password.
    pub async fn login(&self, login: &Login) -> Result<LoggedIn, ClientError> {
        let request = self.request(Method::POST, self.url(&["login"])).json(login);
        self.send(request).await
    }

    /// `POST /v1/logout`: ends the session of this client's token.
    ///
    /// # Errors
    ///
    /// Fails when the server does.
    pub async fn logout(&self) -> Result<(), ClientError> {
        let request = self.request(Method::POST, self.url(&["logout"]));
        self.send_empty(request).await
    }

    /// `GET /v1/whoami`.
    ///
    /// # Errors
    ///
    /// Fails when the token is not valid.
    pub async fn whoami(&self) -> Result<Whoami, ClientError> {
        self.get(&["whoami"], &()).await
    }

    /// `GET /v1/version`.
    ///
    /// # Errors
    ///
    /// Fails when the server cannot be reached.
    pub async fn version(&self) -> Result<VersionInfo, ClientError> {
        self.get(&["version"], &()).await
    }

    /// `GET /v1/users`.
    ///
    /// # Errors
    ///
    /// Fails for all but superusers.
    pub async fn users(&self) -> Result<UserList, ClientError> {
        self.get(&["users"], &()).await
    }

    /// `GET /v1/users/{user}`.
    ///
    /// # Errors
    ///
    /// Fails when there is no such user.
    pub async fn user(&self, name: &str) -> Result<UserInfo, ClientError> {
        self.get(&["users", name], &()).await
    }

    /// `POST /v1/users`.
    ///
    /// # Errors
    ///
    /// Fails when the name is taken or not one.
    pub async fn add_user(&self, user: &NewUser) -> Result<UserInfo, ClientError> {
        let request = self.request(Method::POST, self.url(&["users"])).json(user);
        self.send(request).await
    }

    /// `PATCH /v1/users/{user}`.
    ///
    /// # Errors
    ///
    /// Fails when there is no such user.
    pub async fn update_user(
        &self,
        name: &str,
        update: &UserUpdate,
    ) -> Result<UserInfo, ClientError> {
        let url = self.url(&["users", name]);
        self.send(self.request(Method::PATCH, url).json(update))
            .await
    }

    /// `PUT /v1/users/{user}/password`.
    ///
    /// # Errors
    ///
    /// Fails when the present password is not right.
    pub async fn set_password(
        &self,
        name: &str,
        change: &PasswordChange,
    ) -> Result<(), ClientError> {
        let url = self.url(&["users", name, "password"]);
        self.send_empty(self.request(Method::PUT, url).json(change))
            .await
    }

    /// `GET /v1/models`.
    ///
    /// # Errors
    ///
    /// Fails when the server does.
    pub async fn models(&self) -> Result<ModelList, ClientError> {
        self.get(&["models"], &()).await
    }

    /// `POST /v1/models`.
    ///
    /// # Errors
    ///
    /// Fails when the name is taken or not one.
    pub async fn add_model(&self, model: &NewModel) -> Result<ModelAdded, ClientError> {
        let request = self
            .request(Method::POST, self.url(&["models"]))
            .json(model);
        self.send(request).await
    }
}
