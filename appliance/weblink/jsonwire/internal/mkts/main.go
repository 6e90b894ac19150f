// Command mkts writes the TypeScript form of WebLink's messages: their types, how
// they are read from JSON and written to it, and the names of all requests and
// pushes. The web SDK is built on it.
package main

import (
	"log"
	"os"
)

func main() {
	if len(os.Args) != 3 {
		log.Fatal("usage: mkts <folder of the .proto files> <file to write>")
	}
	source, err := Generate(os.DirFS(os.Args[1]))
	if err != nil {
		log.Fatal(err)
	}
	if err := os.WriteFile(os.Args[2], source, 0o644); err != nil {
		log.Fatal(err)
	}
}
