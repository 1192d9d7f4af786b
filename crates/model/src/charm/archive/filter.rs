//! Which files of a directory belong into the charm.

/// What never belongs into a charm, in the language of `.jujuignore`.
const ALWAYS: &str = ".git\n.svn\n.hg\n.bzr\n.tox\n/build/\n/.jujuignore\n*.charm\n__pycache__/\n";

/// Says which paths to leave out: the usual ones, and those of a `.jujuignore`.
///
/// The language is that of gitignore: `#` comments, `!` takes back, a `/` at the end means directories, one before
/// that ties the pattern to the root; `*`, `?` and `[a-z]` match within a part, `**` matches any parts. The last
/// pattern that matches decides.
#[derive(Debug, Clone)]
pub struct Filter {
    rules: Vec<Rule>,
}

#[derive(Debug, Clone)]
struct Rule {
    keep: bool,
    directories: bool,
    rooted: bool,
    parts: Vec<String>,
}

impl Default for Filter {
    fn default() -> Self {
        Self {
            rules: ALWAYS.lines().filter_map(rule).collect(),
        }
    }
}

impl Filter {
    /// The usual patterns and those of a `.jujuignore`. At most 1,000 lines count.
    pub fn with(jujuignore: &str) -> Self {
        let mut filter = Self::default();
        filter
            .rules
            .extend(jujuignore.lines().take(1000).filter_map(rule));
        filter
    }

    /// Whether to leave out what stands at this path (from the root, with `/`). What lies below a directory that is
    /// left out is left out: do not descend.
    pub fn ignores(&self, path: &str, is_directory: bool) -> bool {
        let parts: Vec<&str> = path.split('/').collect();
        let decides = |rule: &&Rule| {
            if rule.directories && !is_directory {
                return false;
            }
            if rule.rooted {
                return matches_parts(&rule.parts, &parts);
            }
            parts.last().is_some_and(|name| {
                matches_part(rule.parts.first().map_or("", String::as_str), name)
            })
        };
        self.rules
            .iter()
            .rev()
            .find(decides)
            .is_some_and(|rule| !rule.keep)
    }
}

fn rule(line: &str) -> Option<Rule> {
    let line = line.trim();
    if line.is_empty() || line.starts_with('#') || line.len() > 1024 {
        return None;
    }
    let (keep, pattern) = line
        .strip_prefix('!')
        .map_or((false, line), |rest| (true, rest));
    let (directories, pattern) = pattern
        .strip_suffix('/')
        .map_or((false, pattern), |rest| (true, rest));
    let rooted = pattern.contains('/');
    let parts = pattern
        .trim_start_matches('/')
        .split('/')
        .map(str::to_owned)
        .collect();
    Some(Rule {
        keep,
        directories,
        rooted,
        parts,
    })
}

/// Matches the parts of a path, going back to the last `**` only. A `**` at the end matches at least one part.
fn matches_parts(pattern: &[String], path: &[&str]) -> bool {
    let (mut at, mut place) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while place < path.len() {
        match pattern.get(at) {
            Some(part) if part == "**" => {
                if at + 1 == pattern.len() {
                    return true;
                }
                star = Some((at, place));
                at += 1;
            }
            Some(part) if matches_part(part, path[place]) => {
                at += 1;
                place += 1;
            }
            _ => {
                let Some((star_at, star_place)) = star else {
                    return false;
                };
                at = star_at + 1;
                place = star_place + 1;
                star = Some((star_at, place));
            }
        }
    }
    at == pattern.len()
}

/// Matches one part with `*`, `?` and `[...]`, going back to the last `*` only.
fn matches_part(pattern: &str, name: &str) -> bool {
    let (pattern, name): (Vec<char>, Vec<char>) =
        (pattern.chars().collect(), name.chars().collect());
    let (mut at, mut place) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while place < name.len() {
        if pattern.get(at) == Some(&'*') {
            star = Some((at, place));
            at += 1;
        } else if let Some(length) = matches_char(&pattern[at..], name[place]) {
            at += length;
            place += 1;
        } else if let Some((star_at, star_place)) = star {
            at = star_at + 1;
            place = star_place + 1;
            star = Some((star_at, place));
        } else {
            return false;
        }
    }
    pattern[at..].iter().all(|char| *char == '*')
}

/// The length of the pattern that matches one character, or `None`.
fn matches_char(pattern: &[char], char: char) -> Option<usize> {
    match pattern.first()? {
        '?' => Some(1),
        '\\' if pattern.len() > 1 => (pattern[1] == char).then_some(2),
        '[' => {
            let end = 1 + pattern.iter().skip(2).position(|char| *char == ']')? + 1;
            let set = &pattern[1..end];
            let (negated, set) = match set.split_first() {
                Some(('!' | '^', rest)) => (true, rest),
                _ => (false, set),
            };
            let mut found = false;
            let mut place = 0;
            while place < set.len() {
                if place + 2 < set.len() && set[place + 1] == '-' {
                    found |= (set[place]..=set[place + 2]).contains(&char);
                    place += 3;
                } else {
                    found |= set[place] == char;
                    place += 1;
                }
            }
            (found != negated).then_some(end + 1)
        }
        other => (*other == char).then_some(1),
    }
}
