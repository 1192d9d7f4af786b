//! Machines, and the way to their port 22.

use lazuli_model::document::status::{Machine, Machines};
use reqwest::Method;
use reqwest::header::{
    CONNECTION, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_VERSION, UPGRADE,
};
use tokio_tungstenite::tungstenite::handshake::client::generate_key;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

use super::{ClientError, ModelClient, Tunnel};
use crate::entity::{Changed, Removal};
use crate::machine::{AddMachines, HostKeys};

impl ModelClient {
    /// `GET .../machines`.
    ///
    /// # Errors
    ///
    /// Fails when the server does.
    pub async fn machines(&self) -> Result<Machines, ClientError> {
        self.get(&["machines"], &()).await
    }

    /// `POST .../machines`.
    ///
    /// # Errors
    ///
    /// Fails on placements and constraints that are none.
    pub async fn add_machines(&self, machines: &AddMachines) -> Result<Changed, ClientError> {
        self.write(Method::POST, &["machines"], machines).await
    }

    /// `GET .../machines/{machine}`.
    ///
    /// # Errors
    ///
    /// Fails when there is no such machine.
    pub async fn machine(&self, name: &str) -> Result<Machine, ClientError> {
        self.get(&["machines", name], &()).await
    }

    /// `DELETE .../machines/{machine}`.
    ///
    /// # Errors
    ///
    /// Fails when it has units, unless forced.
    pub async fn remove_machine(&self, name: &str, how: &Removal) -> Result<Changed, ClientError> {
        self.remove(&["machines", name], how).await
    }

    /// `GET .../machines/{machine}/ssh-keys`.
    ///
    /// # Errors
    ///
    /// Fails when there is no such machine.
    pub async fn host_keys(&self, name: &str) -> Result<HostKeys, ClientError> {
        self.get(&["machines", name, "ssh-keys"], &()).await
    }

    /// `GET .../machines/{machine}/ssh`: a connection to the machine's port
    /// 22, through the server.
    ///
    /// # Errors
    ///
    /// Fails for all but the model's administrators, and when the machine
    /// cannot be reached.
    pub async fn tunnel(&self, name: &str) -> Result<Tunnel, ClientError> {
        let key = generate_key();
        let url = self.url(&["machines", name, "ssh"]);
        let path = url.path().to_owned();
        let request = self
            .client
            .request(Method::GET, url)
            .header(CONNECTION, "Upgrade")
            .header(UPGRADE, "websocket")
            .header(SEC_WEBSOCKET_VERSION, "13")
            .header(SEC_WEBSOCKET_KEY, &key);
        let response = self.client.send_unread(request).await?;
        let accept = response.headers().get(SEC_WEBSOCKET_ACCEPT);
        if accept.is_none_or(|accept| accept != derive_accept_key(key.as_bytes()).as_str()) {
            return Err(self.client.unexpected(&path, "no WebSocket"));
        }
        let upgraded = response
            .upgrade()
            .await
            .map_err(|error| self.client.failed(error))?;
        Ok(Tunnel::over(upgraded).await)
    }
}
