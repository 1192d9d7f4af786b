//! Connections on which packets vanish, so that neither side hears of it.

use std::path::Path;
use std::time::Duration;

use lazuli_model::id::{ControllerId, GenericUuid};
use lazuli_store::private::Scratch;
use lazuli_store::seal::Sealer;
use lazuli_store::{Class, Options, Store, connect, controller};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::watch;
use tokio::time::{pause, resume, sleep, timeout};
use uuid::Uuid;

use crate::common::{admin, create};

/// The way to Postgres.
struct Wire {
    directory: tempfile::TempDir,
    cut: watch::Sender<()>,
}

impl Wire {
    fn new(scratch: &Scratch) -> Self {
        let url = scratch.url();
        let (_, server) = url.split_once("?host=").unwrap();
        let server = Path::new(server).join(".s.PGSQL.5432");
        let directory = tempfile::tempdir().unwrap();
        let listener = UnixListener::bind(directory.path().join(".s.PGSQL.5432")).unwrap();
        let (cut, cuts) = watch::channel(());
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let server = UnixStream::connect(&server).await.unwrap();
                tokio::spawn(carry(client, server, cuts.clone()));
            }
        });
        Self { directory, cut }
    }

    async fn store(&self, scratch: &Scratch, connections: u32) -> Store {
        let url = scratch.url();
        let (start, _) = url.split_once("?host=").unwrap();
        let mut options =
            Options::new(&format!("{start}?host={}", self.directory.path().display()));
        options.max_connections = connections;
        let pool = connect(&options).await.unwrap();
        let sealer = Sealer::new(&[7; 32]).unwrap();
        let id = ControllerId::from_untyped_uuid(Uuid::from_u128(1));
        controller::init(&pool, id, &sealer).await.unwrap();
        Store::open(pool, sealer).await.unwrap()
    }

    /// From now on, nothing that is sent over the connections there are
    /// arrives.
    fn cut(&self) {
        self.cut.send_replace(());
    }
}

async fn carry(mut client: UnixStream, mut server: UnixStream, mut cuts: watch::Receiver<()>) {
    cuts.mark_unchanged();
    tokio::select! {
        _ = tokio::io::copy_bidirectional(&mut client, &mut server) => {}
        _ = cuts.changed() => std::future::pending().await,
    }
}

#[tokio::test]
async fn a_mute_connection_is_given_up_and_gives_its_place_back() {
    let scratch = Scratch::new().await.unwrap();
    let wire = Wire::new(&scratch);
    let store = wire.store(&scratch, 1).await;
    let model = create(&store, "one").await;
    let mut edit = store.edit(model, None, admin()).await.unwrap();
    wire.cut();
    // Passes as soon as nothing else is left to do.
    pause();
    let error = edit.load().await.unwrap_err();
    assert_eq!(error.class(), Class::Transient);
    drop(edit);
    while store.pool().size() > 0 {
        sleep(Duration::from_millis(100)).await;
    }
    resume();
    assert_eq!(store.load(model).await.unwrap().state.model().id, model);
}

#[tokio::test]
async fn the_feed_finds_out_that_its_connection_is_mute() {
    let scratch = Scratch::new().await.unwrap();
    let wire = Wire::new(&scratch);
    let far = wire.store(&scratch, 4).await;
    let mut all = far.feed().all();
    // Until the feed listens: then what it hears comes over the wire.
    let pool = scratch.pool().await.unwrap();
    let sealer = Sealer::new(&[7; 32]).unwrap();
    let near = Store::open(pool, sealer).await.unwrap();
    create(&near, "one").await;
    timeout(Duration::from_secs(20), all.wait_for(|tick| *tick >= 1))
        .await
        .unwrap()
        .unwrap();
    wire.cut();
    pause();
    sleep(Duration::from_secs(60)).await;
    resume();
    create(&near, "two").await;
    timeout(Duration::from_secs(20), all.wait_for(|tick| *tick >= 2))
        .await
        .unwrap()
        .unwrap();
}
