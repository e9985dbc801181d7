module argosy.dev/benches/noop

go 1.26
