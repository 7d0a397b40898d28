# Shorthands; everything also works without `just`.

# List them
default:
    @just --list

# A throw-away node with three people and a meeting that is about to start
demo:
    cargo run --release -- demo

# All tests, installing what they need
test *ARGS:
    cargo xtask test {{ARGS}}

# The rules of the house
tidy:
    cargo fmt --all
    cargo clippy --workspace --all-targets -- -D warnings
    cargo xtask tidy

# What CI runs
ci:
    .ci/run

# Fuzz one target, or all, for some seconds each
fuzz *ARGS:
    cargo xtask fuzz {{ARGS}}

# Measure; see docs/performance.md
bench *ARGS:
    cargo xtask bench {{ARGS}}
