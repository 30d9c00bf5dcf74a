#!/usr/bin/env python3
"""The checks of this folder find what they look for (a check that can't fail checks nothing)."""
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

import check_banned
import check_docs
import check_schemas
import check_sizes
from source import ROOT, without_comments


class Checks(unittest.TestCase):
    def test_a_banned_call_is_found_and_a_comment_or_a_longer_name_is_not(self):
        text = 'int a = atoi(x);\n/* atoi(x) */ s = "atoi(";\nmy_atoi(x);\nclock->time(c);\n'
        self.assertEqual(list(check_banned.calls(text, check_banned.EVERYWHERE)), [(1, "atoi")])

    def test_a_transcendental_is_banned_where_results_enter_state(self):
        with tempfile.TemporaryDirectory() as folder:
            for module, count in (("state", 1), ("train", 0)):
                path = Path(folder) / module / "x.c"
                path.parent.mkdir()
                path.write_text("double f(double x)\n{\n    return exp(x);\n}\n")
                self.assertEqual(len(check_banned.check([path])), count)

    def test_comments_are_blanked_and_lines_stay(self):
        text = "a /* b\nc */ d // e\n\"/* f */\" g\n"
        self.assertEqual(without_comments(text).count("\n"), 3)
        self.assertNotIn("b", without_comments(text))
        self.assertIn("g", without_comments(text))

    def test_function_lines_are_counted_with_their_names(self):
        lines = ["static int f(int a,", "             int b)", "{", "    x;", "}", "", "{", "}"]
        self.assertEqual(list(check_sizes.functions(lines))[0], (3, "f"))

    def test_a_dead_link_and_a_dead_heading_are_found(self):
        problems = []
        readme = ROOT / "README.md"
        check_docs.check_links(readme, "[a](nowhere.md) [b](LICENSE) [c](README.md#no-heading)",
                               problems)
        self.assertEqual(len(problems), 2)

    def test_notes_to_self_are_found(self):
        self.assertTrue(check_docs.FORBIDDEN.search("// to" + "do: later"))
        self.assertFalse(check_docs.FORBIDDEN.search("a method of work"))

    def test_bad_schemas_are_refused(self):
        good = {"type": "record", "name": "R", "fields": [
            {"name": "a", "type": ["null", "string"], "default": None}]}
        check_schemas.check(good, "", {})
        for field in ({"name": "a", "type": "strin"}, {"name": "1a", "type": "int"},
                      {"name": "a", "type": ["null", "string"], "default": "x"},
                      {"name": "a", "type": {"type": "enum", "name": "E", "symbols": ["X", "X"]}}):
            with self.assertRaises(check_schemas.Bad):
                check_schemas.check({"type": "record", "name": "R", "fields": [field]}, "", {})

    def test_a_symbol_without_prefix_and_writable_data_are_found(self):
        with tempfile.TemporaryDirectory() as folder:
            source = Path(folder) / "x.c"
            source.write_text("int nba_x;\nint stray(void) { return 1; }\n")
            subprocess.run(["cc", "-c", str(source), "-o", f"{folder}/x.o"], check=True)
            subprocess.run(["ar", "rcs", f"{folder}/libnba_x.a", f"{folder}/x.o"], check=True)
            result = subprocess.run([sys.executable, str(ROOT / "tests/tidy/check_symbols.py"), folder],
                                    capture_output=True, text=True)
            self.assertEqual(result.returncode, 1)
            self.assertIn("2 wrong", result.stdout)


if __name__ == "__main__":
    unittest.main(verbosity=2)
