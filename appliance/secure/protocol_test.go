package secure

import (
	"crypto/sha256"
	"encoding/hex"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/yizhan-im/yizhan/appliance/wire"
)

// The page for implementers must not fall behind the code.
func TestProtocolPageNamesTheDictionary(t *testing.T) {
	sum := sha256.Sum256(dictionary1)
	if !strings.Contains(protocolPage(t), hex.EncodeToString(sum[:])) {
		t.Errorf("PROTOCOL.md does not have dictionary 1's SHA-256 %x", sum)
	}
}

func TestProtocolPageListsTheRefusals(t *testing.T) {
	page := protocolPage(t)
	for code, row := range map[wire.Code]string{
		wire.CodeClientTooOld: "| 201 |", wire.CodeBusy: "| 503 |", wire.CodeMalformedFrame: "| 998 |",
	} {
		if !strings.Contains(page, row) {
			t.Errorf("PROTOCOL.md does not list code %d", code)
		}
	}
}

func TestProtocolPageListsTheCompressions(t *testing.T) {
	rows := regexp.MustCompile(`(?m)^\| (\d) \| (\d|–) \|`).FindAllStringSubmatch(protocolPage(t), -1)
	var known Codecs
	for _, row := range rows {
		if row[2] != "–" {
			known |= Codecs(row[2][0] - '0')
		}
	}
	if known != AllCodecs {
		t.Errorf("PROTOCOL.md lists the compressions %#x, the code has %#x", known, AllCodecs)
	}
}

func protocolPage(t *testing.T) string {
	t.Helper()
	page, err := os.ReadFile("PROTOCOL.md")
	if err != nil {
		t.Fatal(err)
	}
	return string(page)
}
