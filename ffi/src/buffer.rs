//! Text and bytes across the boundary.

use zeroize::Zeroize as _;

use crate::guard::guard_value;

/// Text or bytes that the caller lends until the call returns. `ptr` may be NULL only when `len` is 0.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct wisdom_str {
    /// The first byte. Not NUL-terminated.
    pub ptr: *const u8,
    /// How many bytes.
    pub len: usize,
}

/// Bytes that the library gives: return them with `wisdom_buf_free`, never with `free`.
#[repr(C)]
#[derive(Debug)]
pub struct wisdom_buf {
    /// The first byte; NULL when empty.
    pub ptr: *mut u8,
    /// How many bytes.
    pub len: usize,
    /// The library's own.
    pub reserved: usize,
}

impl wisdom_buf {
    pub(crate) const EMPTY: Self = Self {
        ptr: std::ptr::null_mut(),
        len: 0,
        reserved: 0,
    };

    pub(crate) fn from_vec(mut bytes: Vec<u8>) -> Self {
        if bytes.is_empty() {
            return Self::EMPTY;
        }
        let buffer = Self {
            ptr: bytes.as_mut_ptr(),
            len: bytes.len(),
            reserved: bytes.capacity(),
        };
        std::mem::forget(bytes);
        buffer
    }
}

impl wisdom_str {
    pub(crate) fn of(text: &str) -> Self {
        Self {
            ptr: text.as_ptr(),
            len: text.len(),
        }
    }

    /// The bytes lent, or `None` for NULL with a length, or a length no object can have.
    ///
    /// # Safety
    /// `ptr` must be readable for `len` bytes until the result is dropped, unless it is NULL.
    pub(crate) unsafe fn bytes<'a>(self) -> Option<&'a [u8]> {
        if self.len == 0 {
            return Some(&[]);
        }
        if self.ptr.is_null() || isize::try_from(self.len).is_err() {
            return None;
        }
        // SAFETY: not NULL, of a possible length, and readable by this function's contract.
        Some(unsafe { std::slice::from_raw_parts(self.ptr, self.len) })
    }
}

/// Wipes and frees the bytes of a buffer and empties it, so that a second call does nothing. NULL does nothing.
///
/// Any thread, does not block.
///
/// # Safety
/// `buf` must be NULL or point to a buffer that this library filled, or an empty one.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wisdom_buf_free(buf: *mut wisdom_buf) {
    guard_value((), || {
        // SAFETY: NULL or a valid buffer by this function's contract.
        let Some(buffer) = (unsafe { buf.as_mut() }) else {
            return;
        };
        let taken = std::mem::replace(buffer, wisdom_buf::EMPTY);
        if !taken.ptr.is_null() {
            // SAFETY: pointer, length and capacity are those of the vector that `from_vec` let go of; the buffer was
            // emptied above, so this happens once.
            let mut bytes = unsafe { Vec::from_raw_parts(taken.ptr, taken.len, taken.reserved) };
            bytes.zeroize();
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_buffer_is_emptied_by_free_and_free_may_come_twice() {
        let mut buffer = wisdom_buf::from_vec(b"secret".to_vec());
        assert_eq!(buffer.len, 6);
        // SAFETY: filled by `from_vec`.
        unsafe { wisdom_buf_free(&raw mut buffer) };
        assert!(buffer.ptr.is_null() && buffer.len == 0);
        // SAFETY: empty.
        unsafe { wisdom_buf_free(&raw mut buffer) };
        // SAFETY: NULL.
        unsafe { wisdom_buf_free(std::ptr::null_mut()) };
    }

    #[test]
    fn impossible_texts_are_refused() {
        let null = wisdom_str {
            ptr: std::ptr::null(),
            len: 3,
        };
        // SAFETY: NULL is allowed.
        assert!(unsafe { null.bytes() }.is_none());
        let huge = wisdom_str {
            ptr: b"x".as_ptr(),
            len: usize::MAX,
        };
        // SAFETY: refused before it is read.
        assert!(unsafe { huge.bytes() }.is_none());
        let empty = wisdom_str {
            ptr: std::ptr::null(),
            len: 0,
        };
        // SAFETY: empty.
        assert_eq!(unsafe { empty.bytes() }, Some(&[][..]));
    }
}
