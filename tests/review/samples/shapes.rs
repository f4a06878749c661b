use std::fmt;

#[derive(Debug, Clone)]
pub struct Point<T> { //!
    x: T,
}

pub(crate) enum Shape { //!
    Round(f64),
}

impl<T: Display> fmt::Display for Point<T> { //!
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result { //!
        match self.kind(1) {
            _ => write!(f, "x"),
        }
    }
}

pub async unsafe fn poll<'a>(mut s: Pin<&'a mut S>) -> Option<u8> //!
where
    S: Stream,
{
    if let Some(x) = s.next() {
        return x;
    }
    None
}

macro_rules! square { //!
    ($x:expr) => { $x * $x };
}
