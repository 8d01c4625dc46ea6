package acceptance

import (
	"os"
	"regexp"
	"testing"
)

var referenceText = regexp.MustCompile(`"reference":"([^"]*)"`)

// orderedReferences finds what a resource of testdata/record.json refers to in the order of its line: decoded objects have none.
func orderedReferences(t *testing.T, body object) []string {
	t.Helper()
	data, err := os.ReadFile("testdata/record.json")
	if err != nil {
		t.Fatal(err)
	}
	line := regexp.MustCompile(`(?m)^.*"resource":\{"resourceType":"` + body["resourceType"].(string) + `","id":"` + body["id"].(string) + `".*$`).Find(data)
	var all []string
	for _, match := range referenceText.FindAllSubmatch(line, -1) {
		all = append(all, string(match[1]))
	}
	return all
}
