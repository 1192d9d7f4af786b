//! A running simulator: from the lock of the data directory to its release.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;

use crate::data_dir::{DataDir, Endpoint, Ports};
use crate::engine::Engine;
use crate::error::Error;
use crate::hosts::Hosts;
use crate::http::{Front, server, tokens};
use crate::settings::Settings;
use crate::tls;

/// For requests and operations that are under way when the simulator ends.
const PATIENCE: Duration = Duration::from_secs(10);

/// A simulator that answers requests.
pub struct Simulator {
    engine: Arc<Engine>,
    dir: DataDir,
    endpoint: Endpoint,
}

impl Simulator {
    /// Starts a simulator on a locked data directory. `kind` names the hosts
    /// in `endpoint.json`.
    ///
    /// # Errors
    /// If the state is damaged, the hosts fail, or a listener cannot be opened.
    pub async fn start(
        dir: DataDir,
        mut settings: Settings,
        hosts: Arc<dyn Hosts>,
        kind: &str,
    ) -> Result<Self, Error> {
        check(&settings)?;
        dir.path().clone_into(&mut settings.data);
        dir.withdraw();
        let identity = tls::identity(dir.path())?;
        let ports = dir.ports();
        let https = listen(settings.listen, ports.https).await?;
        let http = match settings.http_listen {
            Some(address) => Some(listen(address, ports.http).await?),
            None => None,
        };
        let port = |listener: &TcpListener| {
            listener
                .local_addr()
                .map(|address| address.port())
                .map_err(Error::file("ask the port of a listener in", dir.path()))
        };
        let https_port = port(&https)?;
        let http_port = http.as_ref().map(port).transpose()?;
        dir.keep_ports(Ports {
            https: Some(https_port),
            http: http_port,
        })?;
        let namespaces = hosts.namespaces();
        let engine = Engine::open(settings, hosts)?;
        engine.resume().await?;
        let front = Arc::new(Front::new(
            Arc::clone(&engine),
            tokens::Tokens::new(identity.token_key),
        ));
        engine.tasks.spawn(server::listen(
            Arc::clone(&front),
            https,
            Some(identity.acceptor),
        ));
        if let Some(http) = http {
            engine.tasks.spawn(server::listen(front, http, None));
        }
        let settings = &engine.settings;
        let host = match settings.listen.ip() {
            ip if ip.is_loopback() => "localhost".to_owned(),
            ip => ip.to_string(),
        };
        let url = format!("https://{host}:{https_port}");
        let principal = settings.principals.first();
        let endpoint = Endpoint {
            http: http_port
                .zip(settings.http_listen)
                .map(|(port, address)| format!("http://{}", SocketAddr::new(address.ip(), port))),
            pid: std::process::id(),
            ca: dir.path().join("ca.pem"),
            tenant: settings.tenant.clone(),
            subscription: settings.subscriptions.first().cloned().unwrap_or_default(),
            client_id: principal
                .map(|principal| principal.id.clone())
                .unwrap_or_default(),
            client_secret: principal
                .map(|principal| principal.secret.clone())
                .unwrap_or_default(),
            authority: url.clone(),
            arm: url.clone(),
            https: url,
            audience: "https://management.azure.com/".to_owned(),
            hosts: kind.to_owned(),
            fabric_netns: namespaces.fabric,
            internet_netns: namespaces.internet,
        };
        dir.publish(&endpoint)?;
        tracing::info!(url = %endpoint.https, data = %dir.path().display(), "azure-sim is ready");
        Ok(Self {
            engine,
            dir,
            endpoint,
        })
    }

    /// Where and as whom to reach it.
    #[must_use]
    pub const fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// Ends it: no more requests, guests powered off (unless they are to be
    /// kept), the state complete on disk.
    pub async fn stop(self) {
        self.dir.withdraw();
        self.engine.stop.cancel();
        self.engine.tasks.close();
        if tokio::time::timeout(PATIENCE, self.engine.tasks.wait())
            .await
            .is_err()
        {
            tracing::warn!("some work did not end in time; the next start goes on with it");
        }
        if !self.engine.settings.keep_guests {
            self.engine.power_off().await;
        }
        self.engine.flush().await;
    }
}

fn check(settings: &Settings) -> Result<(), Error> {
    let text = |text: &str| Err(Error::Setting(text.to_owned()));
    if settings.subscriptions.is_empty() || settings.principals.is_empty() {
        return text("a simulator needs at least one subscription and one client");
    }
    if settings.page_size == 0 {
        return text("a page has at least one item; give --page-size 1 or more");
    }
    if !(8..=28).contains(&settings.public_range.prefix) {
        return text("the public range must have a prefix length from 8 to 28");
    }
    Ok(())
}

async fn listen(address: SocketAddr, last: Option<u16>) -> Result<TcpListener, Error> {
    if let Some(preferred) = DataDir::preferred(address, last)
        && let Ok(listener) = TcpListener::bind(preferred).await
    {
        return Ok(listener);
    }
    TcpListener::bind(address)
        .await
        .map_err(|source| Error::Listen { address, source })
}
