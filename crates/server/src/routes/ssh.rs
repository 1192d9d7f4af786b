//! A tunnel to a machine's SSH port, for those who administer its model.

use std::net::SocketAddr;

use axum::extract::State;
use axum::extract::ws::{
    Message, WebSocket, WebSocketUpgrade, rejection::WebSocketUpgradeRejection,
};
use axum::response::Response;
use bytes::{Bytes, BytesMut};
use futures::{SinkExt as _, StreamExt as _};
use lazuli_api::Code;
use lazuli_model::state::MachineSource;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::time::{Duration, timeout};

use super::machines::address;
use super::stream::place;
use crate::app::App;
use crate::change;
use crate::error::Error;
use crate::extract::{Admin, InModel, Named};
use crate::outside::ByteStream;

/// Bytes of one message.
const LARGEST: usize = 1 << 20;
/// Bytes read at once.
const CHUNK: usize = 64 << 10;
/// How long connecting may take.
const CONNECT: Duration = Duration::from_secs(15);
/// A ping is sent when the machine said nothing for so long.
const PING: Duration = Duration::from_secs(20);

/// Opens a tunnel to port 22 of a machine of this model, over a WebSocket
/// whose binary messages are the bytes.
#[utoipa::path(get, path = "/models/{model}/machines/{machine}/ssh", tag = "machines",
    responses((status = 101, description = "The tunnel is open")))]
pub(super) async fn open_tunnel(
    State(app): State<App>,
    scope: InModel<Admin>,
    Named(name): Named,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Result<Response, Error> {
    let upgrade = upgrade.map_err(|error| Error::bad_request(error.body_text()))?;
    let place = place(&app, scope.session.user.id)?;
    let loaded = app.cache.get(scope.model).await?;
    let row = change::machine(&loaded.state, &name)?;
    let port = match row.source {
        MachineSource::Manual { port, .. } => port,
        MachineSource::Cloud { .. } => 22,
    };
    let address = address(&loaded.state, row).ok_or_else(|| {
        let detail = format!("machine {name} has no address yet: wait until it is started");
        Error::problem(Code::Conflict, detail)
    })?;
    let dialing = app.dialer.dial(scope.model, SocketAddr::new(address, port));
    let unreachable = |why: String| {
        Error::problem(
            Code::Unreachable,
            format!("machine {name} cannot be reached: {why}"),
        )
    };
    let machine = match timeout(CONNECT, dialing).await {
        Ok(Ok(machine)) => machine,
        Ok(Err(error)) => return Err(unreachable(error.to_string())),
        Err(_) => return Err(unreachable("it does not answer".to_owned())),
    };
    tracing::info!(
        user = %scope.session.user.name,
        model = %scope.model,
        machine = name,
        "a tunnel to a machine is open"
    );
    let (stopping, lost) = (app.stopping.clone(), scope.standing().lost(app.clone()));
    Ok(upgrade
        .max_message_size(LARGEST)
        .max_frame_size(LARGEST)
        .on_upgrade(move |socket| async move {
            tokio::select! {
                () = carry(socket, machine) => {}
                () = stopping.cancelled() => {}
                () = lost => {}
            }
            drop(place);
        }))
}

/// Carries bytes both ways until either side ends.
async fn carry(socket: WebSocket, machine: Box<dyn ByteStream>) {
    let (mut out, mut messages) = socket.split();
    let (mut from, mut to) = tokio::io::split(machine);
    let up = async {
        while let Some(Ok(message)) = messages.next().await {
            match message {
                Message::Binary(bytes) => {
                    if to.write_all(&bytes).await.is_err() || to.flush().await.is_err() {
                        break;
                    }
                }
                // Reading on sends the answer to a close, then ends.
                Message::Close(_) | Message::Text(_) | Message::Ping(_) | Message::Pong(_) => {}
            }
        }
        // The other direction may still have something to say.
        let _ = to.shutdown().await;
    };
    let down = async {
        let mut buffer = BytesMut::with_capacity(CHUNK);
        loop {
            buffer.reserve(CHUNK);
            let message = match timeout(PING, from.read_buf(&mut buffer)).await {
                Err(_) => Message::Ping(Bytes::new()),
                Ok(Ok(0) | Err(_)) => break,
                Ok(Ok(_)) => Message::Binary(buffer.split().freeze()),
            };
            if out.send(message).await.is_err() {
                break;
            }
        }
        let _ = out.send(Message::Close(None)).await;
    };
    tokio::pin!(up, down);
    tokio::select! {
        () = &mut down => {}
        () = &mut up => {
            // The machine closes once it has heard that the user did.
            let _ = timeout(CONNECT, down).await;
        }
    }
}
