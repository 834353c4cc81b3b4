//! A Hugging Face `tokenizer.json`, with truncation and padding off and offsets as the text has them.

use std::sync::atomic::{AtomicUsize, Ordering};
use tokenizers::processors::PostProcessorWrapper;
use tokenizers::tokenizer::{AddedToken, PaddingParams, TruncationParams};
use tokenizers::Tokenizer;

/// Texts a thread takes at a time.
const BLOCK: usize = 16;

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Offsets {
    None,
    Bytes,
    Chars,
}

pub struct TextTokenizer {
    inner: Tokenizer,
    /// What the file said and encoding must not do; put back by `to_json`.
    post_processor: Option<PostProcessorWrapper>,
    truncation: Option<TruncationParams>,
    padding: Option<PaddingParams>,
    /// The largest id in use; none for an empty vocabulary.
    max_id: Option<u32>,
}

/// Ids of many texts, one after the other; text i is [row[i], row[i + 1]). `begin` and `end` are empty without offsets.
#[derive(Default)]
pub struct Rows {
    pub ids: Vec<u32>,
    pub begin: Vec<u32>,
    pub end: Vec<u32>,
    pub row: Vec<usize>,
}

impl TextTokenizer {
    pub fn from_json(json: &[u8]) -> Result<Self, String> {
        let mut inner = Tokenizer::from_bytes(json).map_err(|error| format!("not a tokenizer: {error}"))?;
        let truncation = inner.get_truncation().cloned();
        let padding = inner.get_padding().cloned();
        inner.with_truncation(None).map_err(|error| error.to_string())?;
        inner.with_padding(None);
        let post_processor = inner.get_post_processor().cloned();
        inner.with_post_processor(post_processor.clone().map(untrimmed));
        let mut own = Self { inner, post_processor, truncation, padding, max_id: None };
        own.find_max_id()?;
        Ok(own)
    }

    /// Ids are signed 32-bit numbers to the caller.
    fn find_max_id(&mut self) -> Result<(), String> {
        self.max_id = self.inner.get_vocab(true).into_values().max();
        match self.max_id {
            Some(id) if id > i32::MAX as u32 => Err(format!("a token has the id {id}; ids end at {}", i32::MAX)),
            _ => Ok(()),
        }
    }

    pub fn to_json(&self) -> Result<String, String> {
        let mut copy = self.inner.clone();
        copy.with_post_processor(self.post_processor.clone());
        copy.with_truncation(self.truncation.clone()).map_err(|error| error.to_string())?;
        copy.with_padding(self.padding.clone());
        copy.to_string(true).map_err(|error| error.to_string())
    }

    /// Returns how many were new.
    pub fn add_tokens(&mut self, tokens: &[&str], special: bool) -> Result<usize, String> {
        let tokens = tokens.iter().map(|text| AddedToken::from(*text, special));
        let added = if special { self.inner.add_special_tokens(tokens) } else { self.inner.add_tokens(tokens) };
        self.find_max_id()?;
        added.map_err(|error| error.to_string())
    }

    /// `threads` 0: one for each core.
    pub fn encode(&self, texts: &[&str], add_special: bool, offsets: Offsets, threads: usize) -> Result<Rows, String> {
        let wanted = match threads {
            0 => std::thread::available_parallelism().map_or(1, |n| n.get()),
            n => n,
        };
        let threads = wanted.min(texts.len().div_ceil(BLOCK)).max(1);
        let mut rows = Rows { row: vec![0], ..Default::default() };
        if threads == 1 {
            self.encode_into(texts, add_special, offsets, &mut rows)?;
            return Ok(rows);
        }
        for block in self.encode_blocks(texts, add_special, offsets, threads)? {
            rows.append(block);
        }
        Ok(rows)
    }

    fn encode_blocks(
        &self,
        texts: &[&str],
        add_special: bool,
        offsets: Offsets,
        threads: usize,
    ) -> Result<Vec<Rows>, String> {
        let next = AtomicUsize::new(0);
        let work = || -> Result<Vec<(usize, Rows)>, String> {
            let mut done = Vec::new();
            loop {
                let block = next.fetch_add(1, Ordering::Relaxed);
                let begin = block * BLOCK;
                if begin >= texts.len() {
                    return Ok(done);
                }
                let mut rows = Rows { row: vec![0], ..Default::default() };
                let end = (begin + BLOCK).min(texts.len());
                self.encode_into(&texts[begin..end], add_special, offsets, &mut rows)?;
                done.push((block, rows));
            }
        };
        let mut blocks = Vec::new();
        std::thread::scope(|scope| {
            let workers: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
            for worker in workers {
                let result = worker.join().map_err(|_| "internal error in a tokenizer thread".to_string())?;
                blocks.extend(result?);
            }
            Ok::<(), String>(())
        })?;
        blocks.sort_by_key(|(block, _)| *block);
        Ok(blocks.into_iter().map(|(_, rows)| rows).collect())
    }

    fn encode_into(&self, texts: &[&str], add_special: bool, offsets: Offsets, rows: &mut Rows) -> Result<(), String> {
        for text in texts {
            let encoding = match offsets {
                Offsets::None => self.inner.encode_fast(*text, add_special),
                Offsets::Bytes => self.inner.encode(*text, add_special),
                Offsets::Chars => self.inner.encode_char_offsets(*text, add_special),
            };
            let encoding = encoding.map_err(|error| error.to_string())?;
            // The post-processor writes what its part of the file says, whether or not the vocabulary has it.
            if let Some(id) = encoding.get_ids().iter().find(|&&id| Some(id) > self.max_id) {
                return Err(format!("the post-processor adds the id {id}, which is not in the vocabulary"));
            }
            rows.ids.extend_from_slice(encoding.get_ids());
            if offsets != Offsets::None {
                rows.begin.extend(encoding.get_offsets().iter().map(|(begin, _)| *begin as u32));
                rows.end.extend(encoding.get_offsets().iter().map(|(_, end)| *end as u32));
            }
            rows.row.push(rows.ids.len());
        }
        Ok(())
    }

    pub fn decode(&self, ids: &[u32], skip_special: bool) -> Result<String, String> {
        self.inner.decode(ids, skip_special).map_err(|error| error.to_string())
    }

    pub fn vocab_size(&self, with_added: bool) -> usize {
        self.inner.get_vocab_size(with_added)
    }

    /// None for an empty vocabulary.
    pub fn max_id(&self) -> Option<u32> {
        self.max_id
    }

    pub fn token_to_id(&self, token: &str) -> Option<u32> {
        self.inner.token_to_id(token)
    }

    pub fn id_to_token(&self, id: u32) -> Option<String> {
        self.inner.id_to_token(id)
    }

    pub fn is_special(&self, id: u32) -> bool {
        let added = self.inner.get_added_vocabulary();
        added.simple_id_to_token(id).is_some_and(|token| added.is_special_token(&token))
    }
}

impl Rows {
    fn append(&mut self, block: Rows) {
        let shift = self.ids.len();
        self.ids.extend(block.ids);
        self.begin.extend(block.begin);
        self.end.extend(block.end);
        self.row.extend(block.row.iter().skip(1).map(|end| end + shift));
    }
}

/// `trim_offsets` moves a token's beginning behind its blank; masks need the place where the token really begins.
fn untrimmed(processor: PostProcessorWrapper) -> PostProcessorWrapper {
    match processor {
        PostProcessorWrapper::ByteLevel(inner) => PostProcessorWrapper::ByteLevel(inner.trim_offsets(false)),
        PostProcessorWrapper::Roberta(inner) => PostProcessorWrapper::Roberta(inner.trim_offsets(false)),
        PostProcessorWrapper::Sequence(mut inner) => {
            let mut at = 0;
            while let Some(child) = inner.get(at).cloned() {
                inner.set_mut(at, untrimmed(child));
                at += 1;
            }
            PostProcessorWrapper::Sequence(inner)
        }
        other => other,
    }
}

#[cfg(test)]
#[path = "tokenizer_tests.rs"]
mod tests;
