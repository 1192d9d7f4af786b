//! Blobs: charms and resources by their sha-256, in chunks of 1 MiB.

use std::fmt;

use bytes::{Bytes, BytesMut};
use futures::{Stream, StreamExt, stream};
use sha2::{Digest, Sha256};
use sqlx::{PgPool, query, query_scalar};

use crate::StoreError;
use crate::convert::{bigint, unsigned};
use crate::error::{Class, doing};
use crate::limit::{Doing, STATEMENT, in_time};

/// Bytes of a chunk.
pub const CHUNK: usize = 1 << 20;

/// A blob.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Blob {
    /// Hex sha-256.
    pub sha256: String,
    /// Bytes.
    pub size: u64,
}

/// Stores what a stream gives, chunk by chunk, and never more than `limit`
/// bytes of it. What is there already is not stored twice; what breaks off is
/// removed, at once or by retention.
///
/// # Errors
///
/// `TooLarge` past the limit; `Invalid` when the stream breaks, or gives
/// something else than `expected` (hex sha-256) says.
pub async fn put<S, E>(
    pool: &PgPool,
    content: S,
    limit: u64,
    expected: Option<&str>,
) -> Result<Blob, StoreError>
where
    S: Stream<Item = Result<Bytes, E>> + Unpin,
    E: fmt::Display,
{
    let id = query_scalar!("insert into blobs default values returning id")
        .fetch_one(pool)
        .doing("begin to store a blob")
        .await?;
    let stored = fill(pool, id, content, limit, expected).await;
    if !matches!(stored, Ok((_, true))) {
        // When this fails as well, retention removes it.
        query!("delete from blobs where id = $1 and sha256 is null", id)
            .execute(pool)
            .doing("remove a blob")
            .await
            .or_else(|error| match error.class() {
                Class::Transient => Ok(Default::default()),
                _ => Err(error),
            })?;
    }
    stored.map(|(blob, _)| blob)
}

/// Stores the chunks of a blob; says whether it was new.
async fn fill<S, E>(
    pool: &PgPool,
    id: i64,
    mut content: S,
    limit: u64,
    expected: Option<&str>,
) -> Result<(Blob, bool), StoreError>
where
    S: Stream<Item = Result<Bytes, E>> + Unpin,
    E: fmt::Display,
{
    let invalid = |why: String| StoreError::Invalid {
        what: "the upload".into(),
        why,
    };
    let mut hash = Sha256::new();
    let mut size: u64 = 0;
    let mut n = 0;
    let mut buffer = BytesMut::with_capacity(CHUNK);
    while let Some(part) = content.next().await {
        let mut part = part.map_err(|error| invalid(format!("it broke off: {error}")))?;
        size += part.len() as u64;
        if size > limit {
            return Err(StoreError::TooLarge {
                what: "the upload",
                limit: format!("{limit} bytes"),
            });
        }
        hash.update(&part);
        while !part.is_empty() {
            let take = part.len().min(CHUNK - buffer.len());
            buffer.extend_from_slice(&part.split_to(take));
            if buffer.len() == CHUNK {
                chunk(pool, id, n, &buffer).await?;
                buffer.clear();
                n += 1;
            }
        }
    }
    if !buffer.is_empty() {
        chunk(pool, id, n, &buffer).await?;
    }
    let digest = hash.finalize();
    let sha256 = hex::encode(digest);
    if let Some(expected) = expected
        && !expected.eq_ignore_ascii_case(&sha256)
    {
        return Err(invalid(format!(
            "its sha-256 is {sha256}, not {expected}: send it again"
        )));
    }
    let finish = query!(
        "update blobs set sha256 = $2, size = $3
         where id = $1 and not exists (select from blobs where sha256 = $2)",
        id,
        &digest[..],
        bigint(size),
    )
    .execute(pool);
    let new = match in_time(STATEMENT, finish).await {
        Ok(done) => done.rows_affected() > 0,
        // Somebody stored the same a moment earlier.
        Err(error) if is_taken(&error) => false,
        Err(error) => return Err(doing("finish a blob")(error)),
    };
    Ok((Blob { sha256, size }, new))
}

async fn chunk(pool: &PgPool, id: i64, n: i32, data: &[u8]) -> Result<(), StoreError> {
    query!(
        "insert into blob_chunks (blob, n, data) values ($1, $2, $3)",
        id,
        n,
        data
    )
    .execute(pool)
    .doing("store a chunk")
    .await?;
    Ok(())
}

fn is_taken(error: &sqlx::Error) -> bool {
    error
        .as_database_error()
        .is_some_and(sqlx::error::DatabaseError::is_unique_violation)
}

/// A blob by its hex sha-256.
///
/// # Errors
///
/// Fails when Postgres does.
pub async fn find(pool: &PgPool, sha256: &str) -> Result<Option<Blob>, StoreError> {
    let Ok(digest) = hex::decode(sha256) else {
        return Ok(None);
    };
    let size = query_scalar!("select size from blobs where sha256 = $1", &digest)
        .fetch_optional(pool)
        .doing("find a blob")
        .await?;
    Ok(size.map(|size| Blob {
        sha256: sha256.to_ascii_lowercase(),
        size: unsigned(size),
    }))
}

/// The content of a blob, chunk by chunk. A chunk is read when it is asked
/// for, on a connection that is given back at once.
pub fn get(
    pool: &PgPool,
    sha256: &str,
) -> impl Stream<Item = Result<Bytes, StoreError>> + Send + use<> {
    let pool = pool.clone();
    let sha256 = sha256.to_owned();
    let start = async move {
        let not_found = || StoreError::NotFound {
            what: format!("blob {sha256}"),
        };
        let digest = hex::decode(&sha256).map_err(|_| not_found())?;
        let blob = query!("select id, size from blobs where sha256 = $1", &digest)
            .fetch_optional(&pool)
            .doing("find a blob")
            .await?
            .ok_or_else(not_found)?;
        let chunks = unsigned(blob.size).div_ceil(CHUNK as u64);
        Ok(stream::iter(0_i32..)
            .take(usize::try_from(chunks).unwrap_or(usize::MAX))
            .then(move |n| read_chunk(pool.clone(), blob.id, n)))
    };
    stream::once(start).flat_map(|content| match content {
        Ok(content) => content.boxed(),
        Err(error) => stream::iter([Err(error)]).boxed(),
    })
}

async fn read_chunk(pool: PgPool, id: i64, n: i32) -> Result<Bytes, StoreError> {
    let data = query_scalar!(
        "select data from blob_chunks where blob = $1 and n = $2",
        id,
        n
    )
    .fetch_optional(&pool)
    .doing("read a chunk")
    .await?;
    data.map(Bytes::from).ok_or_else(|| StoreError::NotFound {
        what: format!("chunk {n} of a blob"),
    })
}
