#![doc = include_str!("../README.md")]

pub mod listener;
pub mod orders;
pub mod owner;
