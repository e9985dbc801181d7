// Say prints its arguments; after "--write PATH" it writes them to that file instead.
package main

import (
	"fmt"
	"os"
	"strings"
)

func main() {
	words := os.Args[1:]
	path := ""
	if len(words) > 0 && words[0] == "--write" {
		if len(words) == 1 {
			fail("--write needs a path")
		}
		path, words = words[1], words[2:]
	}
	said := strings.Join(words, " ")
	if path != "" {
		if err := os.WriteFile(path, []byte(said), 0o644); err != nil {
			fail(err.Error())
		}
		return
	}
	fmt.Println(said)
}

func fail(why string) {
	fmt.Fprintln(os.Stderr, "say: "+why)
	os.Exit(1)
}
