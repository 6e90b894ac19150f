// Command actionlist writes what is made from the registry of the HTTP API's
// actions: the list for people and the OpenAPI document.
package main

import (
	"bytes"
	"flag"
	"io"
	"log"
	"os"

	"github.com/yizhan-im/yizhan/appliance/api"
)

func main() {
	list := flag.String("list", "ACTIONS.md", "file to write the list to")
	document := flag.String("openapi", "openapi.json", "file to write the OpenAPI document to")
	flag.Parse()
	write(*list, api.WriteActionList)
	write(*document, api.WriteOpenAPI)
}

func write(file string, make func(io.Writer) error) {
	var b bytes.Buffer
	if err := make(&b); err != nil {
		log.Fatal(err)
	}
	if err := os.WriteFile(file, b.Bytes(), 0o644); err != nil {
		log.Fatal(err)
	}
}
