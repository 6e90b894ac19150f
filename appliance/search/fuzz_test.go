package search

import (
	"testing"
	"unicode/utf8"

	"github.com/yizhan-im/yizhan/appliance/wire"
)

// FuzzCursor: any text is refused or is the place of a message, which makes the same
// cursor again.
func FuzzCursor(f *testing.F) {
	f.Add("")
	f.Add(encodeCursor(documentID(1, 2, 300)))
	f.Add("AAAA")
	f.Fuzz(func(t *testing.T, cursor string) {
		id, err := decodeCursor(cursor)
		if err != nil {
			if wire.CodeOf(err) != wire.CodeBadParameter {
				t.Fatal(err)
			}
			return
		}
		if again, err := decodeCursor(encodeCursor(id)); err != nil || again != id {
			t.Fatalf("%q became %q, %v", id, again, err)
		}
	})
}

// FuzzWords: whatever people write, and whatever JSON apps send, becomes a bounded
// number of terms.
func FuzzWords(f *testing.F) {
	m, err := newMapping()
	if err != nil {
		f.Fatal(err)
	}
	a := newAnalyzers(m)
	f.Add("Hello 今天天气 テスト", uint32(0))
	f.Add(`{"name":"a.pdf"}`, uint32(6))
	f.Add("\xff\xfe", uint32(1))
	f.Fuzz(func(t *testing.T, text string, kind uint32) {
		if words := a.wordsOf(text); len(words) > 2*len(text) {
			t.Fatalf("%d words of %d bytes", len(words), len(text))
		}
		indexed := textOf(&wire.Message{Type: kind, Body: text})
		if len(indexed) > maxText || utf8.ValidString(text) && !utf8.ValidString(indexed) {
			t.Fatalf("%q is indexed as %q", text, indexed)
		}
		a.documentOf(1, &wire.Message{Type: kind, Body: text, From: "a", To: "b"})
	})
}
