package wire

import (
	"fmt"
	"os"
	"strings"
	"testing"
)

// TestProtocolPageListsEverything keeps PROTOCOL.md in step with the tables.
func TestProtocolPageListsEverything(t *testing.T) {
	page, err := os.ReadFile("PROTOCOL.md")
	if err != nil {
		t.Fatal(err)
	}
	for command, name := range commandNames {
		if row := fmt.Sprintf("| %d | %s |", command, name); !strings.Contains(string(page), row) {
			t.Errorf("PROTOCOL.md lacks the command row %q", row)
		}
	}
	for _, info := range codeTable {
		if row := codeRow(info); !strings.Contains(string(page), row) {
			t.Errorf("PROTOCOL.md lacks the code row\n%s", row)
		}
	}
}

func codeRow(info codeInfo) string {
	again := "no"
	if info.temporary {
		again = "yes"
	}
	return fmt.Sprintf("| %d | %s | %s | %s |\n", info.code, info.name, info.meaning, again)
}
