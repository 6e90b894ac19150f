package main

import (
	"os"
	"strings"
	"testing"
)

func TestConnectionsThatFit(t *testing.T) {
	n, reason, err := connectionsThatFit(1, os.Getpid())
	if n != 1 || reason != "" || err != nil {
		t.Errorf("one connection: got %d, %q, %v", n, reason, err)
	}
	const tooMany = 1 << 30 // the kernel allows no process that many files
	n, reason, err = connectionsThatFit(tooMany, 0)
	if n >= tooMany || n < 1 || !strings.Contains(reason, "ulimit") || err != nil {
		t.Errorf("too many: got %d, %q, %v", n, reason, err)
	}
}
