package main

import (
	"bytes"
	"math/rand/v2"
	"os"
	"testing"

	"github.com/yizhan-im/yizhan/appliance/secure/internal/sample"
)

func TestTheCheckedInDictionaryIsWhatTheCommandBuilds(t *testing.T) {
	want, err := os.ReadFile("../../dictionary-1.bin")
	if err != nil {
		t.Fatal(err)
	}
	got := build(sample.Train(), size)
	if len(got) != size {
		t.Errorf("the samples share only %d bytes; add texts", len(got))
	}
	if !bytes.Equal(got, want) {
		t.Error("dictionary-1.bin is another: run go generate, and give the new dictionary a new id if the old one was released")
	}
}

func TestBuildPrefersWhatManySamplesShare(t *testing.T) {
	noise := rand.NewChaCha8([32]byte{})
	var samples [][]byte
	for _, text := range []string{"where are you?", "see you tomorrow", "see you tomorrow", "where are you?", "see you tomorrow", "nobody else says this"} {
		unique := make([]byte, segment)
		noise.Read(unique) // never fails
		samples = append(samples, append([]byte(text), unique...))
	}
	// The best comes last, where offsets are short, and survives a smaller size.
	if got := string(build(samples, 1000)); got != "where are you?see you tomorrow" {
		t.Errorf("built %q", got)
	}
	if got := string(build(samples, 12)); got != "you tomorrow" {
		t.Errorf("built %q", got)
	}
}

func TestBuildOfNothingIsEmpty(t *testing.T) {
	for _, samples := range [][][]byte{nil, {nil}, {[]byte("abc")}, {[]byte("all different text")}} {
		if got := build(samples, 100); len(got) != 0 {
			t.Errorf("%q built %q", samples, got)
		}
	}
}
