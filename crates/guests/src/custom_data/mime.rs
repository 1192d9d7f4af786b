//! Multipart messages, as far as `cloud-init devel make-mime` makes them.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// The decoded parts of a message, or why there are none.
pub(super) fn parts(message: &str) -> Result<Vec<Vec<u8>>, String> {
    let message = message.replace("\r\n", "\n");
    let (headers, body) = split(&message)?;
    let kind = header(&headers, "content-type").unwrap_or_default();
    if !kind.to_ascii_lowercase().starts_with("multipart/") {
        return decode(&headers, body).map(|part| vec![part]);
    }
    let boundary = kind
        .split(';')
        .filter_map(|field| field.trim().split_once('='))
        .find(|(name, _)| name.eq_ignore_ascii_case("boundary"))
        .map(|(_, value)| value.trim_matches('"'))
        .ok_or("it names no boundary")?;
    let delimiter = format!("--{boundary}");
    let mut parts = Vec::new();
    let mut current: Option<String> = None;
    for line in body.split_inclusive('\n') {
        let mark = line.trim_end();
        if mark == delimiter || mark.strip_suffix("--") == Some(&delimiter) {
            if let Some(part) = current.take() {
                let (headers, body) = split(&part)?;
                // The line break before a delimiter belongs to it.
                let body = body.strip_suffix('\n').unwrap_or(body);
                parts.push(decode(&headers, body)?);
            }
            if mark == delimiter {
                current = Some(String::new());
            }
        } else if let Some(part) = &mut current {
            part.push_str(line);
        }
    }
    Ok(parts)
}

/// Headers, unfolded, and what comes after the empty line.
fn split(message: &str) -> Result<(Vec<String>, &str), String> {
    let message = message.trim_start_matches('\n');
    let (head, body) = message
        .split_once("\n\n")
        .ok_or("a part has no empty line after its headers")?;
    let mut headers: Vec<String> = Vec::new();
    for line in head.lines() {
        match headers.last_mut() {
            Some(last) if line.starts_with([' ', '\t']) => last.push_str(line),
            _ => headers.push(line.to_owned()),
        }
    }
    Ok((headers, body))
}

fn header(headers: &[String], name: &str) -> Option<String> {
    headers
        .iter()
        .filter_map(|line| line.split_once(':'))
        .find(|(key, _)| key.eq_ignore_ascii_case(name))
        .map(|(_, value)| value.trim().to_owned())
}

fn decode(headers: &[String], body: &str) -> Result<Vec<u8>, String> {
    let encoding = header(headers, "content-transfer-encoding").unwrap_or_default();
    match encoding.to_ascii_lowercase().as_str() {
        "" | "7bit" | "8bit" | "binary" => Ok(body.as_bytes().to_vec()),
        "base64" => {
            let joined: String = body.split_ascii_whitespace().collect();
            STANDARD
                .decode(joined)
                .map_err(|error| format!("a part is not base64: {error}"))
        }
        other => Err(format!("the transfer encoding {other:?} is not supported")),
    }
}
