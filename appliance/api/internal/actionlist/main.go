// Command actionlist writes the list of the HTTP API's actions.
package main

import (
	"bytes"
	"flag"
	"log"
	"os"

	"github.com/yizhan-im/yizhan/appliance/api"
)

func main() {
	out := flag.String("o", "ACTIONS.md", "file to write")
	flag.Parse()
	var b bytes.Buffer
	if err := api.WriteActionList(&b); err != nil {
		log.Fatal(err)
	}
	if err := os.WriteFile(*out, b.Bytes(), 0o644); err != nil {
		log.Fatal(err)
	}
}
