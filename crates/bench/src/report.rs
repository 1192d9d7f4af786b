//! What people read, and the one line that programs read.

use std::io::Write as _;

use serde_json::{Map, Value};

/// The middle one of the numbers, or the mean of the two in the middle; of
/// none 0.
#[must_use]
pub(crate) fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    match sorted.as_slice() {
        [] => 0.0,
        sorted if sorted.len() % 2 == 1 => sorted[middle],
        sorted => f64::midpoint(sorted[middle - 1], sorted[middle]),
    }
}

/// A number with so many digits after the point, for the line of JSON.
#[must_use]
pub(crate) fn rounded(value: f64, digits: i32) -> f64 {
    let scale = 10_f64.powi(digits);
    (value * scale).round() / scale
}

/// Columns, right-aligned, the first row being the head.
#[must_use]
pub(crate) fn table(rows: &[Vec<String>]) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column));
        cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<_> = (0..columns).map(width).collect();
    let mut text = String::new();
    for row in rows {
        let cells: Vec<_> = row
            .iter()
            .zip(&widths)
            .map(|(cell, width)| format!("{cell:>width$}"))
            .collect();
        text.push_str(&cells.join("  "));
        text.push('\n');
    }
    text
}

/// Writes the table and, as the last line, the object, to stdout.
///
/// # Errors
/// When stdout takes no more.
pub(crate) fn print(table: &str, object: Map<String, Value>) -> std::io::Result<()> {
    let mut stdout = std::io::stdout().lock();
    write!(stdout, "{table}\n{}\n", Value::Object(object))?;
    stdout.flush()
}

/// Says to people what is being done.
pub(crate) fn say(text: &str) {
    eprintln!("   {text}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn medians() {
        assert_eq!(median(&[]), 0.0);
        assert_eq!(median(&[3.0, 1.0, 2.0]), 2.0);
        assert_eq!(median(&[4.0, 1.0, 2.0, 3.0]), 2.5);
    }

    #[test]
    fn columns_are_aligned() {
        let rows = [
            vec!["round".to_owned(), "n".to_owned()],
            vec!["1".to_owned(), "12".to_owned()],
        ];
        assert_eq!(table(&rows), "round   n\n    1  12\n");
    }
}
