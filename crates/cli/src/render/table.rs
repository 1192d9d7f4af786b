//! Tables in Juju's layout: two blanks between columns.

/// Between columns.
const GAP: usize = 2;

/// A table in the making.
#[derive(Debug, Default)]
pub(crate) struct Table {
    right: Vec<usize>,
    rows: Vec<Vec<String>>,
}

impl Table {
    /// A table with these titles.
    pub(crate) fn new(titles: &[&str]) -> Self {
        let mut table = Self::default();
        table.row(titles.iter().map(|title| (*title).to_owned()));
        table
    }

    /// Aligns a column to the right.
    pub(crate) fn right(mut self, column: usize) -> Self {
        self.right.push(column);
        self
    }

    /// Adds a row. Line breaks become blanks.
    pub(crate) fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        self.rows.push(cells.into_iter().map(plain).collect());
    }

    /// Whether there is nothing below the titles.
    pub(crate) fn is_empty(&self) -> bool {
        self.rows.len() <= 1
    }

    /// The text; each row ends in a newline. All cells but a row's last are
    /// padded, empty ones too, as Juju's are.
    pub(crate) fn text(&self) -> String {
        let width_of = |cell: &String| cell.chars().count();
        let columns = self.rows.iter().map(Vec::len).max().unwrap_or(0);
        let widths: Vec<usize> = (0..columns)
            .map(|column| {
                let cells = self.rows.iter().filter_map(|row| row.get(column));
                cells.map(width_of).max().unwrap_or(0)
            })
            .collect();
        let mut out = String::new();
        for row in &self.rows {
            for (column, cell) in row.iter().enumerate() {
                let blanks = widths[column] - width_of(cell);
                let last = column + 1 == row.len();
                if self.right.contains(&column) {
                    out.extend(std::iter::repeat_n(' ', blanks));
                    out.push_str(cell);
                } else {
                    out.push_str(cell);
                    if !last {
                        out.extend(std::iter::repeat_n(' ', blanks));
                    }
                }
                if !last {
                    out.extend(std::iter::repeat_n(' ', GAP));
                }
            }
            out.push('\n');
        }
        out
    }
}

/// Text for a terminal, on one line: what a charm says must not move the
/// cursor, or do worse.
pub(crate) fn plain(text: String) -> String {
    match text.contains(char::is_control) {
        true => text.replace(char::is_control, " "),
        false => text,
    }
}

/// At most so many characters; what is longer ends in `...`.
pub(crate) fn cut(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    let kept: String = text.chars().take(most.saturating_sub(3)).collect();
    format!("{kept}...")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up() {
        let mut table = Table::new(&["App", "Scale", "Message"]).right(1);
        table.row(["haproxy", "1", ""].map(str::to_owned));
        table.row(["a", "10/12", "hello"].map(str::to_owned));
        assert_eq!(
            table.text(),
            "App      Scale  Message\nhaproxy      1  \na        10/12  hello\n"
        );
    }

    #[test]
    fn a_charm_cannot_speak_to_the_terminal() {
        let said = plain("a\x1b]52;c;eA==\x07b\n".to_owned());
        assert_eq!(said, "a ]52;c;eA== b ");
    }

    #[test]
    fn cuts_count_characters() {
        assert_eq!(cut("äöü", 3), "äöü");
        assert_eq!(cut("äöüß", 3), "...");
        assert_eq!(cut("0123456789", 8), "01234...");
    }
}
