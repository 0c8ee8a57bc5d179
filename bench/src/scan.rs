//! Finds what matters in a stream of bytes without understanding the rest.

use memchr::memmem::Finder;

/// Finds every occurrence of a marker and hands over the `N` bytes behind it, however the stream is cut into reads.
pub(crate) struct Scanner<const N: usize> {
    finder: Finder<'static>,
    /// The end of the last read, if a marker may begin in it.
    tail: Vec<u8>,
}

impl<const N: usize> Scanner<N> {
    pub(crate) fn new(marker: &'static [u8]) -> Self {
        Self { finder: Finder::new(marker), tail: Vec::new() }
    }

    pub(crate) fn scan(&mut self, read: &[u8], mut found: impl FnMut(&[u8; N])) {
        if self.tail.is_empty() {
            let rest = self.scan_whole(read, &mut found);
            self.tail.extend_from_slice(&read[rest..]);
            return;
        }
        let mut joined = std::mem::take(&mut self.tail);
        joined.extend_from_slice(read);
        let rest = self.scan_whole(&joined, &mut found);
        self.tail.extend_from_slice(&joined[rest..]);
    }

    /// Scans `bytes` and says from where on they have to be seen again.
    fn scan_whole(&self, bytes: &[u8], found: &mut impl FnMut(&[u8; N])) -> usize {
        let marker = self.finder.needle();
        let mut from = 0;
        while let Some(at) = self.finder.find(&bytes[from..]) {
            let begin = from + at + marker.len();
            let Some(behind) = bytes[begin..].first_chunk::<N>() else { return from + at };
            found(behind);
            from = begin + N;
        }
        let unseen = &bytes[from..];
        let cut = (1..marker.len()).rev().find(|len| unseen.ends_with(&marker[..*len]));
        bytes.len() - cut.unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(stream: &str, expect: &[&str]) {
        for size in 1..=stream.len() {
            let mut scanner = Scanner::<2>::new(b"<<");
            let mut found = Vec::new();
            for read in stream.as_bytes().chunks(size) {
                scanner.scan(read, |behind| found.push(String::from_utf8_lossy(behind).into_owned()));
            }
            assert_eq!(found, expect, "{stream:?} in reads of {size}");
        }
    }

    #[test]
    fn finds_markers_wherever_reads_are_cut() {
        check("", &[]);
        check("nothing here", &[]);
        check("<<01", &["01"]);
        check("a<<01b<<02c", &["01", "02"]);
        check("<a<<01<<02<", &["01", "02"]);
        check("<<0", &[]);
    }
}
