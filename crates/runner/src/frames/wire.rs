//! Frames on a byte stream.

use std::io::{self, Read, Write};

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

/// The longest frame, in bytes.
pub const MAX_FRAME: usize = 32 << 20;

/// The first line of the host on a fresh channel, newline included. The nonce
/// is letters and digits.
#[must_use]
pub fn hello(nonce: &str) -> String {
    format!("hello {nonce}\n")
}

/// The machine's answer to [`hello`], newline included. Whatever comes before
/// it (a banner, the output of a `.bashrc`) is to be passed over; frames begin
/// right after.
#[must_use]
pub fn answer(nonce: &str, protocol: u32) -> String {
    format!("lazuli {nonce} {protocol}\n")
}

/// Why a frame could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum FrameError {
    /// The stream ended between frames.
    #[error("the stream ended")]
    Ended,
    /// The stream failed, or ended within a frame.
    #[error("failed to move a frame")]
    Io(#[source] io::Error),
    /// The length is over [`MAX_FRAME`], or what the reader allows.
    #[error("frame of {0} bytes is over the limit")]
    TooLong(usize),
    /// The bytes are not the JSON that is expected.
    #[error("failed to understand a frame")]
    Json(#[source] serde_json::Error),
}

/// Encodes one frame, length included.
///
/// # Errors
/// When the frame is too long.
pub fn encode<T: Serialize>(frame: &T) -> Result<Vec<u8>, FrameError> {
    let mut bytes = vec![0; 4];
    serde_json::to_writer(&mut bytes, frame).map_err(FrameError::Json)?;
    let length = bytes.len() - 4;
    let header = u32::try_from(length)
        .ok()
        .filter(|_| length <= MAX_FRAME)
        .ok_or(FrameError::TooLong(length))?;
    bytes[..4].copy_from_slice(&header.to_be_bytes());
    Ok(bytes)
}

/// Takes one frame off the front of `buffer`: the frame and the bytes it
/// took, or none when more bytes are needed.
///
/// # Errors
/// When the length is over the limit or the bytes are not understood.
pub fn decode<T: DeserializeOwned>(buffer: &[u8]) -> Result<Option<(T, usize)>, FrameError> {
    let Some((header, rest)) = buffer.split_first_chunk::<4>() else {
        return Ok(None);
    };
    let length = u32::from_be_bytes(*header) as usize;
    if length > MAX_FRAME {
        return Err(FrameError::TooLong(length));
    }
    let Some(body) = rest.get(..length) else {
        return Ok(None);
    };
    Ok(Some((understand(body)?, length + 4)))
}

/// What a database cannot keep is replaced at the door: NUL, which JSON can
/// only have in this notation.
fn understand<T: DeserializeOwned>(body: &[u8]) -> Result<T, FrameError> {
    const NUL: &[u8] = b"\\u0000";
    if !body.windows(NUL.len()).any(|part| part == NUL) {
        return serde_json::from_slice(body).map_err(FrameError::Json);
    }
    let mut value = serde_json::from_slice(body).map_err(FrameError::Json)?;
    without_nul(&mut value);
    serde_json::from_value(value).map_err(FrameError::Json)
}

fn without_nul(value: &mut Value) {
    let clean = |text: &str| text.replace('\0', "\u{fffd}");
    match value {
        Value::String(text) => *text = clean(text),
        Value::Array(items) => items.iter_mut().for_each(without_nul),
        Value::Object(map) => {
            *map = std::mem::take(map)
                .into_iter()
                .map(|(key, mut item)| {
                    without_nul(&mut item);
                    (clean(&key), item)
                })
                .collect();
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// Reads one frame from a blocking stream.
///
/// # Errors
/// [`FrameError::Ended`] at a clean end; otherwise as it says.
pub fn read_frame<T: DeserializeOwned>(stream: &mut impl Read) -> Result<T, FrameError> {
    read_frame_within(stream, MAX_FRAME)
}

/// Reads one frame of at most `limit` bytes from a blocking stream.
///
/// # Errors
/// [`FrameError::Ended`] at a clean end; otherwise as it says.
pub fn read_frame_within<T: DeserializeOwned>(
    stream: &mut impl Read,
    limit: usize,
) -> Result<T, FrameError> {
    let mut header = [0; 4];
    match stream.read_exact(&mut header) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
            return Err(FrameError::Ended);
        }
        Err(error) => return Err(FrameError::Io(error)),
    }
    let length = u32::from_be_bytes(header) as usize;
    if length > limit.min(MAX_FRAME) {
        return Err(FrameError::TooLong(length));
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body).map_err(FrameError::Io)?;
    serde_json::from_slice(&body).map_err(FrameError::Json)
}

/// Writes one frame to a blocking stream and flushes it.
///
/// # Errors
/// When the stream fails or the frame is too long.
pub fn write_frame<T: Serialize>(stream: &mut impl Write, frame: &T) -> Result<(), FrameError> {
    stream.write_all(&encode(frame)?).map_err(FrameError::Io)?;
    stream.flush().map_err(FrameError::Io)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn frames_come_back_however_they_are_cut() {
        let frames = ["", "one", "two\u{2028}"];
        let bytes: Vec<u8> = frames
            .iter()
            .flat_map(|text| encode(text).unwrap())
            .collect();
        let mut buffer = Vec::new();
        let mut found = Vec::new();
        for byte in &bytes {
            buffer.push(*byte);
            if let Some((text, length)) = decode::<String>(&buffer).unwrap() {
                assert_eq!(length, buffer.len());
                found.push(text);
                buffer.clear();
            }
        }
        assert_eq!(found, frames);
        let mut stream = bytes.as_slice();
        for text in frames {
            assert_eq!(read_frame::<String>(&mut stream).unwrap(), text);
        }
        assert!(matches!(
            read_frame::<String>(&mut stream),
            Err(FrameError::Ended)
        ));
    }

    #[test]
    fn bad_frames_are_told_apart() {
        let header = u32::MAX.to_be_bytes();
        let mut long = header.as_slice();
        assert!(matches!(
            decode::<String>(long),
            Err(FrameError::TooLong(_))
        ));
        assert!(matches!(
            read_frame::<String>(&mut long),
            Err(FrameError::TooLong(_))
        ));
        let cut = &encode(&"text").unwrap()[..5];
        assert!(decode::<String>(cut).unwrap().is_none());
        assert!(matches!(
            read_frame::<String>(&mut &*cut),
            Err(FrameError::Io(_))
        ));
        let number = encode(&1).unwrap();
        assert!(matches!(
            decode::<String>(&number),
            Err(FrameError::Json(_))
        ));
        let text = encode(&"12345678").unwrap();
        assert!(matches!(
            read_frame_within::<String>(&mut text.as_slice(), 9),
            Err(FrameError::TooLong(10))
        ));
    }

    #[test]
    fn what_a_database_cannot_keep_does_not_come_in() {
        let said = BTreeMap::from([("a\0b", "\0"), ("plain", "\\u0000")]);
        let bytes = encode(&said).unwrap();
        let (heard, taken) = decode::<BTreeMap<String, String>>(&bytes).unwrap().unwrap();
        assert_eq!(taken, bytes.len());
        assert_eq!(heard["a\u{fffd}b"], "\u{fffd}");
        assert_eq!(heard["plain"], "\\u0000");
    }
}
