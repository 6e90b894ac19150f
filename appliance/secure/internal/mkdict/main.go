// Command mkdict builds the compression dictionary of package secure from the
// texts of package sample. It writes the same bytes on every run.
//
// A changed dictionary needs a new compression id, because clients that are
// already installed have the old one.
package main

import (
	"fmt"
	"os"

	"github.com/yizhan-im/yizhan/appliance/secure/internal/sample"
)

// size of the dictionary: 16 KiB holds what small chat packets share, and stays
// in a CPU's first- or second-level cache.
const size = 16 << 10

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: mkdict FILE")
		os.Exit(2)
	}
	if err := os.WriteFile(os.Args[1], build(sample.Train(), size), 0o644); err != nil {
		fmt.Fprintln(os.Stderr, "mkdict:", err)
		os.Exit(1)
	}
}
