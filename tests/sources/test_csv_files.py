"""CSV as retailers send it; a file that is cut off or torn is refused, never shortened."""

import gzip

import pytest

from capflow_resources import sources
from capflow_resources.sources import SourceError

COLUMNS = {"item_id": "id", "amount": "n"}


@pytest.fixture
def read(acme, tmp_path, con):
    def rows(*files, columns=COLUMNS, options=None, pattern="*.csv"):
        for number, content in enumerate(files):
            data = content if isinstance(content, bytes) else content.encode()
            (tmp_path / f"{number}{pattern[1:]}").write_bytes(data)
        customer = acme("csv", tmp_path / pattern, columns, options)
        table = customer.tables["line_items"]
        with sources.explain_errors(customer, table):
            found = con.to_pyarrow(sources.read(customer, table, con)).to_pylist()
        return sorted((tuple(row.values()) for row in found), key=str)

    return rows


def test_ids_keep_leading_zeros_and_quotes_keep_commas_and_lines(read):
    assert read('id,n\n007,"1,5"\n008,"a\nb"\n') == [("007", "1,5"), ("008", "a\nb")]


def test_a_byte_order_mark_is_no_part_of_the_first_column(read):
    assert read("\ufeffid,n\r\n1,2\r\n") == [("1", "2")]


def test_files_may_have_other_columns_and_another_order(read):
    assert read("id,n\n1,2\n", "n,extra,id\n4,x,3\n", "id\n5\n") == [("1", "2"), ("3", "4"), ("5", None)]


def test_headers_may_have_blanks_odd_signs_and_unmapped_doubles(read):
    assert read('" id ",n,"it\'s",x,x,\n1,2,3,4,5,6\n') == [("1", "2")]
    assert read("Id,id,n\n0,1,2\n") == [("1", "2")]


def test_a_mapped_column_that_stands_twice_is_refused(read):
    with pytest.raises(SourceError, match="2 columns named 'id'"):
        read("id,id,n\n1,2,3\n")


def test_options_say_how_it_is_written(read):
    assert read("id;n\n'a;b';2\n", options={"delimiter": ";", "quote": "'"}) == [("a;b", "2")]
    assert read("id,n\né,2\n".encode("latin-1"), options={"encoding": "ISO-8859-1"}) == [("é", "2")]
    assert read("id,n\né,2\n".encode("utf-16"), options={"encoding": "utf-16"}) == [("é", "2")]
    with pytest.raises(SourceError, match="encoding 'latin1-x' cannot be read; did you mean 'latin-1'"):
        read("id,n\n1,2\n", options={"encoding": "latin1-x"})


def test_compressed_files_are_read(read):
    assert read(gzip.compress(b"id,n\n1,2\n"), pattern="*.csv.gz") == [("1", "2")]


def test_a_header_alone_is_a_table_without_rows(read):
    assert read("id,n\n") == []


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("id,n\n1,2\n3\n", "0.csv, line 3, has 1 values where the header has 2"),
        ("id,n\n1,2,3\n4,5\n", "0.csv, line 2, has 3 values where the header has 2"),
        ("id,n\n" + "1,2\n" * 300_000 + "3\n", "line 300002, has 1 values where the header has 2"),
        ('id,n\n1,"2\n3,4\n', "has a quote that is never closed"),
        ("id,n\né,2\n".encode("latin-1"), "is not in the encoding"),
        ("", "the first line of .*0.csv is empty"),
        ("\nid,n\n1,2\n", "the first line of .*0.csv is empty"),
    ],
)
def test_a_torn_file_is_refused_with_its_line(read, content, message):
    with pytest.raises(SourceError, match=message) as caught:
        read(content)
    assert "\n" not in str(caught.value)


def test_the_contents_of_a_row_stay_out_of_the_message(read):
    with pytest.raises(SourceError) as caught:
        read("id,n\nmary@example.org\n")
    assert "mary" not in str(caught.value)


def test_one_torn_file_among_many_refuses_all(read):
    with pytest.raises(SourceError, match=r"1\.csv, line 2"):
        read("id,n\n1,2\n", "id,n\n1\n")


def test_a_fault_that_a_writer_passes_on_is_still_the_source_s(acme, tmp_path, con):
    """The lake pulls rows through Arrow, where the engine's own class of error is lost."""
    import pyarrow as pa

    (tmp_path / "a.csv").write_text("id,n\n" + "1,2\n" * 200_000 + "3\n")
    customer = acme("csv", tmp_path / "a.csv", COLUMNS)
    table = customer.tables["line_items"]
    rows = sources.read(customer, table, con)
    with pytest.raises(SourceError, match="line 200002"), sources.explain_errors(customer, table):
        pa.RecordBatchReader.from_stream(rows.to_pyarrow_batches()).read_all()
