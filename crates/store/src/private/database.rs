//! Making and dropping databases of a private Postgres. The only statements
//! of Lazuli that are put together at run time: names of databases cannot be
//! parameters.

use sqlx::{AssertSqlSafe, Connection, PgConnection, query, query_scalar};

use crate::StoreError;
use crate::error::doing;

/// Makes a database, unless it is there.
pub(super) async fn create(admin: &str, name: &str) -> Result<(), StoreError> {
    let mut connection = connect(admin).await?;
    if !exists(&mut connection, name).await? {
        let made = query(AssertSqlSafe(format!("create database {}", quoted(name))))
            .execute(&mut connection)
            .await;
        // Another one may have been first.
        if made.is_err() && !exists(&mut connection, name).await? {
            made.map_err(doing("make a database"))?;
        }
    }
    close(connection).await
}

/// Makes a database as a copy of another one, to which nobody is connected.
pub(super) async fn copy(admin: &str, template: &str, name: &str) -> Result<(), StoreError> {
    let mut connection = connect(admin).await?;
    let text = format!(
        "create database {} template {}",
        quoted(name),
        quoted(template)
    );
    query(AssertSqlSafe(text))
        .execute(&mut connection)
        .await
        .map_err(doing("copy a database"))?;
    close(connection).await
}

/// Drops a database and all connections to it.
pub(super) async fn drop(admin: &str, name: &str) -> Result<(), StoreError> {
    let mut connection = connect(admin).await?;
    let text = format!("drop database if exists {} with (force)", quoted(name));
    query(AssertSqlSafe(text))
        .execute(&mut connection)
        .await
        .map_err(doing("drop a database"))?;
    close(connection).await
}

/// Renames a database, to which nobody is connected.
pub(super) async fn rename(admin: &str, name: &str, to: &str) -> Result<(), StoreError> {
    let mut connection = connect(admin).await?;
    let text = format!("alter database {} rename to {}", quoted(name), quoted(to));
    query(AssertSqlSafe(text))
        .execute(&mut connection)
        .await
        .map_err(doing("rename a database"))?;
    close(connection).await
}

pub(super) async fn exists(connection: &mut PgConnection, name: &str) -> Result<bool, StoreError> {
    query_scalar!(
        r#"select exists (select from pg_database where datname = $1) as "exists!""#,
        name
    )
    .fetch_one(connection)
    .await
    .map_err(doing("look for a database"))
}

pub(super) async fn connect(url: &str) -> Result<PgConnection, StoreError> {
    PgConnection::connect(url)
        .await
        .map_err(doing("connect to the private Postgres"))
}

pub(super) async fn close(connection: PgConnection) -> Result<(), StoreError> {
    connection
        .close()
        .await
        .map_err(doing("close a connection"))
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}
