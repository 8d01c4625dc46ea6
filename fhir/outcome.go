package fhir

import (
	"fmt"
	"strings"
)

// IssueType is a code of http://hl7.org/fhir/issue-type.
type IssueType string

// The issue types Firth answers with (R4 valueset-issue-type.html).
const (
	CodeInvalid         IssueType = "invalid"
	CodeStructure       IssueType = "structure"
	CodeRequired        IssueType = "required"
	CodeValue           IssueType = "value"
	CodeInvariant       IssueType = "invariant"
	CodeSecurity        IssueType = "security"
	CodeLogin           IssueType = "login"
	CodeForbidden       IssueType = "forbidden"
	CodeProcessing      IssueType = "processing"
	CodeNotSupported    IssueType = "not-supported"
	CodeDuplicate       IssueType = "duplicate"
	CodeMultipleMatches IssueType = "multiple-matches"
	CodeNotFound        IssueType = "not-found"
	CodeDeleted         IssueType = "deleted"
	CodeTooLong         IssueType = "too-long"
	CodeCodeInvalid     IssueType = "code-invalid"
	CodeTooCostly       IssueType = "too-costly"
	CodeBusinessRule    IssueType = "business-rule"
	CodeConflict        IssueType = "conflict"
	CodeTransient       IssueType = "transient"
	CodeIncomplete      IssueType = "incomplete"
	CodeThrottled       IssueType = "throttled"
	CodeException       IssueType = "exception"
	CodeTimeout         IssueType = "timeout"
	CodeInformational   IssueType = "informational"
)

// Severity is a code of http://hl7.org/fhir/issue-severity.
type Severity string

// The severities of an issue.
const (
	Fatal       Severity = "fatal"
	Error       Severity = "error"
	Warning     Severity = "warning"
	Information Severity = "information"
)

// Issue is one OperationOutcome.issue.
type Issue struct {
	Severity    Severity
	Code        IssueType
	Diagnostics string
	Expression  string // element (FHIRPath) or search parameter ("http.date") it is about; may be empty
}

// OperationOutcome is what went wrong, or what is worth knowing. It is an error where at least one issue is.
type OperationOutcome struct {
	Issues []Issue
}

// Invalidf makes an outcome of one error about expression.
func Invalidf(code IssueType, expression, format string, args ...any) *OperationOutcome {
	return &OperationOutcome{Issues: []Issue{{Severity: Error, Code: code, Expression: expression, Diagnostics: fmt.Sprintf(format, args...)}}}
}

// Error joins the diagnostics.
func (o *OperationOutcome) Error() string {
	parts := make([]string, len(o.Issues))
	for i, issue := range o.Issues {
		parts[i] = issue.Diagnostics
		if issue.Expression != "" {
			parts[i] = issue.Expression + ": " + issue.Diagnostics
		}
	}
	return strings.Join(parts, "; ")
}

// Outcome turns a syntax error into its OperationOutcome.
func (e *SyntaxError) Outcome() *OperationOutcome {
	return &OperationOutcome{Issues: []Issue{{Severity: Error, Code: CodeStructure, Expression: e.Expression,
		Diagnostics: fmt.Sprintf("invalid JSON at line %d, column %d: %s", e.Line, e.Col, e.Msg)}}}
}

// AppendJSON appends the resource. An outcome without issues says that all went well, because R4 requires at least one.
func (o *OperationOutcome) AppendJSON(dst []byte) []byte {
	dst = append(dst, `{"resourceType":"OperationOutcome","issue":[`...)
	issues := o.Issues
	if len(issues) == 0 {
		issues = []Issue{{Severity: Information, Code: CodeInformational, Diagnostics: "all OK"}}
	}
	for i, issue := range issues {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(dst, `{"severity":`...)
		dst = AppendQuoted(dst, string(issue.Severity))
		dst = append(dst, `,"code":`...)
		dst = AppendQuoted(dst, string(issue.Code))
		if issue.Diagnostics != "" {
			dst = append(dst, `,"diagnostics":`...)
			dst = AppendQuoted(dst, issue.Diagnostics)
		}
		if issue.Expression != "" {
			dst = append(dst, `,"expression":[`...)
			dst = AppendQuoted(dst, issue.Expression)
			dst = append(dst, ']')
		}
		dst = append(dst, '}')
	}
	return append(dst, "]}"...)
}
